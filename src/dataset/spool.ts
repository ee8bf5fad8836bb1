import { createWriteStream, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { temporaryName } from './atomic.ts';

/** Standard input as a file, since records are read by their place, more than once. The caller removes it. */
export async function spoolStandardInput(signal?: AbortSignal): Promise<string> {
  const path = temporaryName(join(tmpdir(), 'winnow-stdin'));
  try {
    await pipeline(
      process.stdin,
      createWriteStream(path, { flags: 'wx' }),
      ...(signal === undefined ? [] : [{ signal }]),
    );
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}
