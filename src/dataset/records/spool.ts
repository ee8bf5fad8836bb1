import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { systemTemporary } from '../../base/files/atomic.ts';
import { diskError } from '../../base/files/disk-errors.ts';

/** True for `-`, and for pipes that have a name (`<(zcat data.jsonl.gz)`). */
export function isPipe(path: string): boolean {
  const stat = path === '-' ? undefined : statSync(path, { throwIfNoEntry: false });
  return path === '-' || stat?.isFIFO() === true;
}

/**
 * What comes through a pipe as a file, since records are read by their place, more than once. The caller removes it.
 */
export async function spoolPipe(pipe: string, signal?: AbortSignal): Promise<string> {
  const path = systemTemporary('winnow-stdin');
  try {
    await pipeline(
      pipe === '-' ? process.stdin : createReadStream(pipe),
      createWriteStream(path, { flags: 'wx' }),
      ...(signal === undefined ? [] : [{ signal }]),
    );
  } catch (error) {
    rmSync(path, { force: true });
    throw diskError(error, path);
  }
  return path;
}
