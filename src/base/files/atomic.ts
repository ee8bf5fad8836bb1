import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { withDiskErrors } from './disk-errors.ts';
import { makeFolder } from './make-folder.ts';
import { hasEnded, processMark } from './process-mark.ts';

/** A file under a temporary name that appears under its own name whole, or not at all. */
export interface AtomicFile {
  /** The name it gets. */
  readonly path: string;
  /** Where to write; in the folder of the final file, so that the rename can't cross file systems. */
  readonly temporary: string;
  readonly handle: FileHandle;
  /** Flush to disk, close, rename over the final name, flush the folder. */
  commit(): Promise<void>;
  /** Close and delete; harmless after `commit`. */
  abort(): Promise<void>;
}

const PREFIX = '.tmp-';
/** Ours and nobody else's: a mark and a random end. */
const TEMPORARY = /^\.tmp-.*-[0-9a-f]{10}-\d+-\d+-[0-9a-f]{12}$/s;
/** Temporary files of another machine, which can't be asked whether their writer lives, are left alone for a day. */
const FOREIGN_MS = 24 * 3600 * 1000;

/** A name beside `path` that no other process uses, with the mark of the process that writes it. */
export function temporaryName(path: string): string {
  return join(
    dirname(path),
    `${PREFIX}${basename(path).slice(0, 80)}-${processMark()}-${randomBytes(6).toString('hex')}`,
  );
}

/** A temporary name in the system's own folder, where what killed processes left is deleted at the same time. */
export function systemTemporary(name: string): string {
  sweepTemporary(tmpdir());
  return temporaryName(join(tmpdir(), name));
}

/**
 * Delete what writers that were killed have left in a folder (not below it): temporary files and folders whose process
 * has ended. What a living process is writing stays. Never throws: litter does no harm.
 */
export function sweepTemporary(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    if (!TEMPORARY.test(name)) continue;
    const path = join(folder, name);
    try {
      if (hasEnded(markAtEnd(name)) ?? isOld(path)) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another process was quicker, or the folder may not be written.
    }
  }
}

/** The last mark: the file's own name may hold another. */
function markAtEnd(name: string): string {
  return name.split('-').slice(-4, -1).join('-');
}

function isOld(path: string): boolean {
  return Date.now() - statSync(path).mtimeMs > FOREIGN_MS;
}

/** Open a temporary file beside `path`; creates missing folders. Throws `DISK_FULL`, `NOT_WRITABLE`. */
export function openAtomic(path: string): Promise<AtomicFile> {
  return withDiskErrors(path, async () => {
    makeFolder(dirname(path));
    const temporary = temporaryName(path);
    const handle = await open(temporary, 'wx');
    let open_ = true;
    return {
      path,
      temporary,
      handle,
      commit: () =>
        withDiskErrors(path, async () => {
          await handle.sync();
          await handle.close();
          open_ = false;
          await rename(temporary, path);
          syncFolder(dirname(path));
        }),
      async abort() {
        if (!open_) return;
        open_ = false;
        await handle.close();
        await rm(temporary, { force: true });
      },
    };
  });
}

/** Write bytes or text to `path` whole or not at all. Throws `DISK_FULL`, `NOT_WRITABLE`. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const file = await openAtomic(path);
  try {
    await withDiskErrors(path, () => file.handle.writeFile(data));
    await file.commit();
  } finally {
    await file.abort();
  }
}

/** Give a finished temporary file (written by somebody else) its final name, durably. */
export function commitFile(temporary: string, path: string): Promise<void> {
  return withDiskErrors(path, async () => {
    const handle = await open(temporary, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    syncFolder(dirname(path));
  });
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
