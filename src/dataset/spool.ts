import { createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { systemTemporary } from './atomic.ts';

/** Standard input as a file, since records are read by their place, more than once. The caller removes it. */
export async function spoolStandardInput(signal?: AbortSignal): Promise<string> {
  const path = systemTemporary('winnow-stdin');
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
