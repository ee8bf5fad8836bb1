import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { WinnowError } from '../errors.ts';
import { type AtomicFile, commitFile, writeFileAtomic } from './atomic.ts';
import { requireStorage } from './make-folder.ts';

/** What decides whether a file that stands where an output is to be written may be replaced. */
export interface OutputRules {
  /** Replace files that something else made, or that were edited since. @default false */
  force?: boolean | undefined;
  /** True for a file that was written by a command before, and is as it was written. */
  isOwn?: ((path: string) => Promise<boolean>) | undefined;
  /**
   * Why a file is never replaced (`the source of data set "a"`), or undefined. `quick`: sources alone, without a look
   * at the media that rows name.
   */
  keeps?: ((path: string, how?: { quick?: boolean }) => Promise<string | undefined>) | undefined;
  /** Note what is about to appear, so that it is known as own later. */
  note?: ((path: string, sha256: string) => Promise<void>) | undefined;
  /** Note media that have been made. */
  noteMedia?: ((paths: readonly string[]) => Promise<void>) | undefined;
}

/** A finished file that still has its temporary name. */
export interface Finished {
  temporary: string;
  path: string;
}

/**
 * Keeps commands from replacing files that they didn't make. A path is free where nothing stands, or the very same
 * bytes, or an output of an earlier command that nobody has edited; `force` frees all but sources of data sets.
 *
 * All methods throw `OUTPUT_EXISTS`, `OUTPUT_IS_INPUT` (a source), `OUTPUT_NOT_A_FILE` (a folder, pipe or device).
 */
export interface OutputGuard {
  /** Before the work: what can be known of a path without the bytes that are to be written. */
  check(path: string): Promise<void>;
  /** `same` where the file that is there has these bytes already. */
  judge(path: string, content: Uint8Array | { file: string }): Promise<'write' | 'same'>;
  /** Give finished files their names, the first one last; none of them where one may not be replaced. */
  commit(files: readonly Finished[]): Promise<void>;
  /** Write a whole file. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Write a file that is there anew with everything that stands in it. It stays whosever it was. */
  extend(path: string, content: string): Promise<void>;
  /** Remove files that new ones stand for. */
  remove(paths: readonly string[]): Promise<void>;
  /** Media that have been made, for {@link OutputRules.noteMedia}. */
  noteMedia(paths: readonly string[]): Promise<void>;
}

export function outputGuard(rules: OutputRules = {}): OutputGuard {
  /** True where something stands at the path that may be replaced, false where nothing does. */
  const mayReplace = async (path: string): Promise<boolean> => {
    const there = await target(path);
    if (there === undefined) return false;
    const own = (await rules.isOwn?.(path)) === true;
    if (!own && rules.force !== true) throw exists(path, await rules.keeps?.(path, { quick: true }));
    const kept = await rules.keeps?.(path);
    if (kept !== undefined) throw isSource(path, kept);
    return true;
  };
  const judge: OutputGuard['judge'] = async (path, content) => {
    if ((await target(path)) === undefined) return 'write';
    if (await isEqual(path, content)) {
      const kept = await rules.keeps?.(path, { quick: true });
      if (kept !== undefined) throw isSource(path, kept);
      return 'same';
    }
    await mayReplace(path);
    return 'write';
  };
  return {
    judge,
    async check(path) {
      await mayReplace(path);
    },
    async commit(files) {
      const verdicts: ('write' | 'same')[] = [];
      for (const { temporary, path } of files) verdicts.push(await judge(path, { file: temporary }));
      for (const { temporary, path } of files) await rules.note?.(path, await digestOf(temporary));
      for (const [i, { temporary, path }] of [...files.entries()].toReversed()) {
        if (verdicts[i] === 'same') await rm(temporary, { force: true });
        else await commitFile(temporary, path);
      }
    },
    async write(path, given) {
      const content = typeof given === 'string' ? Buffer.from(given) : given;
      const verdict = await judge(path, content);
      await rules.note?.(path, createHash('sha256').update(content).digest('hex'));
      if (verdict === 'write') await writeFileAtomic(path, content);
    },
    async extend(path, content) {
      const kept = await rules.keeps?.(path, { quick: true });
      if (kept !== undefined) throw isSource(path, kept);
      const isOurs = (await rules.isOwn?.(path)) === true;
      if (isOurs) await rules.note?.(path, createHash('sha256').update(content).digest('hex'));
      await writeFileAtomic(path, content);
    },
    async remove(paths) {
      for (const path of paths) await mayReplace(path);
      for (const path of paths) await rm(path, { force: true });
    },
    async noteMedia(paths) {
      await rules.noteMedia?.(paths);
    },
  };
}

/** Give a finished file its name where that is free. */
export async function commitAs(file: AtomicFile, guard: OutputGuard): Promise<void> {
  await guard.commit([file]);
  await file.abort();
}

/** SHA-256 of a file's bytes, in hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of createReadStream(path)) hash.update(block as Uint8Array);
  return hash.digest('hex');
}

/** What stands at a path; undefined where nothing does, or a link that leads nowhere. Throws `OUTPUT_NOT_A_FILE`. */
async function target(path: string): Promise<Stats | undefined> {
  requireStorage(path);
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (there === undefined || there.isFile()) return there;
  throw new WinnowError({
    code: 'OUTPUT_NOT_A_FILE',
    message: `${there.isDirectory() ? 'A folder' : 'A pipe or device'} stands where a file is to be written.`,
    where: { file: resolve(path) },
    hint: 'Name a file that is not there yet; "-" is standard output where a command can write to it.',
    exitCode: 2,
  });
}

async function isEqual(path: string, content: Uint8Array | { file: string }): Promise<boolean> {
  const [there, wanted] = [await stat(path), 'file' in content ? await stat(content.file) : undefined];
  if (there.size !== (wanted?.size ?? (content as Uint8Array).length)) return false;
  if (wanted?.ino === there.ino && wanted.dev === there.dev) return true;
  if ('file' in content) return (await digestOf(path)) === (await digestOf(content.file));
  return Buffer.compare(await readFile(path), content) === 0;
}

function exists(path: string, kept: string | undefined): WinnowError {
  if (kept !== undefined) return isSource(path, kept);
  return new WinnowError({
    code: 'OUTPUT_EXISTS',
    message: 'A file is there already that this command did not make, or that was edited since.',
    where: { file: resolve(path) },
    hint: 'Choose another name, or replace it with --force.',
    exitCode: 2,
  });
}

function isSource(path: string, kept: string): WinnowError {
  return new WinnowError({
    code: 'OUTPUT_IS_INPUT',
    message: `The file to write is ${kept}.`,
    where: { file: resolve(path) },
    hint: 'Write to another file or folder: originals are never replaced, not even with --force.',
    exitCode: 2,
  });
}
