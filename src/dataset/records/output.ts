import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openAtomic } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import type { Finished } from '../../base/files/output-guard.ts';
import { type Packer, packerFor } from './compress.ts';

/** A text file under a temporary name, packed as its name says (`.gz`, `.zst`). */
export interface Output extends Finished {
  write(text: string): Promise<void>;
  finish(): Promise<void>;
  abort(): Promise<void>;
}

const BLOCK = 1 << 20;

/**
 * @param path the file, or `-` for what goes to standard output once it is whole
 */
export async function openOutput(path: string): Promise<Output> {
  const piped = path === '-';
  const packer: Packer = await packerFor(path);
  const file = await openAtomic(piped ? join(tmpdir(), 'winnow-stdout') : path);
  let parts: string[] = [];
  let size = 0;
  const put = (bytes: Uint8Array): Promise<void> => withDiskErrors(file.path, () => file.handle.writeFile(bytes));
  const flush = async (): Promise<void> => {
    const text = parts.join('');
    parts = [];
    size = 0;
    if (text !== '') await put(await packer.push(Buffer.from(text)));
  };
  return {
    path,
    temporary: file.temporary,
    async write(text) {
      parts.push(text);
      size += text.length;
      if (size > BLOCK) await flush();
    },
    async finish() {
      await flush();
      await put(await packer.end());
    },
    abort: () => file.abort(),
  };
}

/** A reader that has had enough (`| head`) is no fault. */
export async function toStandardOutput(path: string): Promise<void> {
  try {
    await pipeline(createReadStream(path), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
