import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { WinnowError } from '../errors.ts';

/** True for a file with contents of its own: not for folders, pipes, sockets and devices, nor where nothing is. */
export function isRegularFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/**
 * Throws `NOT_A_FILE` where a pipe, a socket or a device stands: reading one would wait or go on for ever. What isn't
 * there passes.
 */
export function refuseSpecialFile(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile() || there.isDirectory()) return;
  const what = there.isFIFO() ? 'a pipe' : there.isSocket() ? 'a socket' : 'a device';
  throw new WinnowError({
    code: 'NOT_A_FILE',
    message: `This is ${what}, where a file is needed.`,
    where: { file: resolve(path) },
    hint: 'Save the data in a file and name that, or move this away.',
    exitCode: 2,
  });
}
