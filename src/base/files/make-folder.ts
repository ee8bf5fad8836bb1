import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WinnowError } from '../errors.ts';
import { diskError } from './disk-errors.ts';

/** Folders of the system in which nothing can be kept, whatever stands on them. */
const SYSTEM = /^\/(proc|sys|dev)(\/|$)/;

/**
 * Make a folder and those above it. Returns the first that was made. Throws `DISK_FULL`, `NOT_WRITABLE`, and
 * `OUTPUT_NOT_A_FILE` below a file or inside `/proc`, `/sys` and `/dev`, where Node's own recursion never ends.
 */
export function makeFolder(folder: string): string | undefined {
  requireStorage(folder);
  try {
    return mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (['ENOTDIR', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw isNoFolder(folder);
    throw diskError(error, folder);
  }
}

/** Throws `OUTPUT_NOT_A_FILE` where a path leads into a folder of the system that holds no files. */
export function requireStorage(path: string): void {
  let there = resolve(path);
  while (!isThere(there) && dirname(there) !== there) there = dirname(there);
  let real = there;
  try {
    real = realpathSync.native(there);
  } catch {
    // A link that leads nowhere: what is written replaces the link itself.
  }
  if (!SYSTEM.test(real) || /^\/dev\/shm(\/|$)/.test(real)) return;
  throw new WinnowError({
    code: 'OUTPUT_NOT_A_FILE',
    message: `Files can't be kept in ${SYSTEM.exec(real)![0].replace(/\/$/, '')}.`,
    where: { file: resolve(path) },
    hint: 'Name a file or folder on a disk; "-" is standard output where a command can write to it.',
    exitCode: 2,
  });
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function isNoFolder(folder: string): WinnowError {
  return new WinnowError({
    code: 'OUTPUT_NOT_A_FILE',
    message: 'A file is where a folder is needed.',
    where: { file: resolve(folder) },
    hint: 'Choose another place, or move that file away.',
    exitCode: 2,
  });
}
