import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A file under a temporary name that appears under its own name whole, or not at all. */
export interface AtomicFile {
  /** Where to write; in the folder of the final file, so that the rename can't cross file systems. */
  readonly temporary: string;
  readonly handle: FileHandle;
  /** Flush to disk, close, rename over the final name, flush the folder. */
  commit(): Promise<void>;
  /** Close and delete; harmless after `commit`. */
  abort(): Promise<void>;
}

/** A name beside `path` that no other process uses; `.tmp-` marks it as safe to delete when no writer runs. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.tmp-${basename(path).slice(0, 80)}-${process.pid}-${randomBytes(6).toString('hex')}`);
}

/** Open a temporary file beside `path`; creates missing folders. */
export async function openAtomic(path: string): Promise<AtomicFile> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  const handle = await open(temporary, 'wx');
  let open_ = true;
  return {
    temporary,
    handle,
    async commit() {
      await handle.sync();
      await handle.close();
      open_ = false;
      await rename(temporary, path);
      syncFolder(dirname(path));
    },
    async abort() {
      if (!open_) return;
      open_ = false;
      await handle.close();
      await rm(temporary, { force: true });
    },
  };
}

/** Write bytes or text to `path` whole or not at all. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const file = await openAtomic(path);
  try {
    await file.handle.writeFile(data);
    await file.commit();
  } finally {
    await file.abort();
  }
}

/** Give a finished temporary file (written by somebody else) its final name, durably. */
export async function commitFile(temporary: string, path: string): Promise<void> {
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  syncFolder(dirname(path));
}

/** Make renames inside a folder durable. Some file systems can't; the rename itself stays atomic there. */
function syncFolder(folder: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(folder, 'r');
    fsyncSync(fd);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'EISDIR' && code !== 'EACCES') throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
