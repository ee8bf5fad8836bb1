import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';

export const PARQUET_FILE = /\.parquet$/i;
export const TAR_FILE = /\.(tar|tgz|tar\.gz)$/i;

/** `train-00000-of-00002.parquet` is of the split `train`. */
const SPLIT = /^(.+?)-\d+-of-\d+\b/;

/**
 * The shards that a path means, in order: the file itself; of a folder all files of that ending in it, else in its
 * `data/`. Option `shards` names some of a folder (`shard-{000000..000009}.tar`, `{a,b}.tar`). Where they belong to
 * several splits (`train-00000-of-00002.parquet`), those of option `split` are meant, else of `train`. Throws
 * `SHARD_MISSING`, `SPLIT_UNKNOWN`.
 */
export function shardFiles(path: string, ending: RegExp, options: Readonly<Record<string, unknown>>): string[] {
  if (!statSync(path).isDirectory()) return [path];
  if (typeof options.shards === 'string') return named(path, options.shards);
  return ofSplit(path, shardsInside(path, ending), options.split);
}

/** All files of that ending in a folder, else in its `data/`: how data sets lie on the Hugging Face hub. */
export function shardsInside(path: string, ending: RegExp): string[] {
  const inside = (folder: string): string[] => {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
    const names = readdirSync(folder).filter(
      // The table that tells of a folder of images is none of its own.
      (name) => ending.test(name) && !name.startsWith('.') && name.toLowerCase() !== 'metadata.parquet',
    );
    return names.sort(byNumbers).map((name) => join(folder, name));
  };
  const files = inside(path);
  return files.length > 0 ? files : inside(join(path, 'data'));
}

/** Files of a folder whose names fit; none where there is no such folder. */
export function filesLike(folder: string, pattern: RegExp): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

function named(folder: string, pattern: string): string[] {
  const files = expandBraces(pattern).map((name) => join(folder, name));
  const missing = files.find((file) => statSync(file, { throwIfNoEntry: false }) === undefined);
  if (missing === undefined) return files;
  throw new WinnowError({
    code: 'SHARD_MISSING',
    message: `${pattern} names ${files.length} files, and one of them is not there.`,
    where: { file: missing },
    hint: 'Get the missing shard, or narrow the range in braces.',
    exitCode: 2,
  });
}

function ofSplit(folder: string, files: string[], option: unknown): string[] {
  const wanted = typeof option === 'string' ? option : undefined;
  const splits = new Map<string, string[]>();
  for (const file of files) {
    const name = SPLIT.exec(basename(file))?.[1] ?? '';
    splits.set(name, [...(splits.get(name) ?? []), file]);
  }
  if (wanted === undefined && splits.size < 2) return files;
  const chosen = splits.get(wanted ?? 'train');
  if (chosen !== undefined) return chosen;
  throw new WinnowError({
    code: 'SPLIT_UNKNOWN',
    message:
      wanted === undefined ? 'The folder holds several splits and none is "train".' : `There is no split "${wanted}".`,
    where: { file: folder },
    hint: `Give the option split: one of ${[...splits.keys()].filter(Boolean).join(', ') || '(there is none)'}.`,
    exitCode: 2,
  });
}

/** `shard-9` before `shard-10`. */
function byNumbers(a: string, b: string): number {
  const order = a.localeCompare(b, 'en', { numeric: true });
  return order !== 0 ? order : a < b ? -1 : 1;
}

/** Every path that a pattern with braces spells out, as shells and the webdataset library do. */
function expandBraces(pattern: string): string[] {
  const found = /^(.*?)\{([^{}]+)\}(.*)$/s.exec(pattern);
  if (found === null) return [pattern];
  const [, before, inside, after] = found as unknown as [string, string, string, string];
  const range = /^(\d+)\.\.(\d+)$/.exec(inside);
  const choices = range === null ? inside.split(',') : numbers(range[1]!, range[2]!);
  return choices.flatMap((choice) => expandBraces(`${before}${choice}${after}`));
}

const MAX_SHARDS = 1_000_000;

function numbers(from: string, to: string): string[] {
  const width = from.startsWith('0') ? from.length : 0;
  const count = Math.min(MAX_SHARDS, Math.max(0, Number(to) - Number(from) + 1));
  return Array.from({ length: count }, (_, i) => String(Number(from) + i).padStart(width, '0'));
}
