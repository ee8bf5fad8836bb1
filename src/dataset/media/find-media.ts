import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../dataset.ts';
import { type FileTable, listFiles } from './file-table.ts';
import { isRemote, resolveMedia } from './media.ts';
import { looseName } from './similar-path.ts';

/** Where media are whose paths lead nowhere. */
export interface FoundMedia {
  /** By the path in the data: the file, relative to the media root. */
  files: Record<string, string>;
  /** Paths that several files could be meant by, and those files; or files that several paths could mean. */
  ambiguous: { path: string; files: readonly string[] }[];
  /** Paths of which no file has the name. */
  missing: string[];
}

/**
 * Look below the media root for the files of all paths that lead nowhere, by their names: only what is certain is
 * found, and a file that a path leads to already is not given to another one.
 */
export async function findMedia(dataset: Dataset, signal?: AbortSignal): Promise<FoundMedia> {
  const { lost, taken } = await sortPaths(dataset, signal);
  const found: FoundMedia = { files: {}, ambiguous: [], missing: [] };
  const wantedBy = new Map<string, string[]>();
  const table = lost.length === 0 ? undefined : listFiles(dataset.mediaRoot, undefined, signal);
  for (const path of lost) {
    const files = table === undefined ? [] : filesFor(table, path);
    if (files.length === 0) found.missing.push(path);
    else if (files.length > 1) found.ambiguous.push({ path, files });
    else wantedBy.set(files[0]!, [...(wantedBy.get(files[0]!) ?? []), path]);
  }
  for (const [file, paths] of wantedBy) {
    const others = taken.get(realOf(join(dataset.mediaRoot, file)));
    const all = others === undefined ? paths : [...others, ...paths];
    const isOne = all.every((path) => meansSame(path, all[0]!));
    for (const path of paths) {
      if (isOne) found.files[path] = file;
      else found.ambiguous.push({ path, files: [file] });
    }
  }
  return found;
}

/** Paths that lead nowhere, and by real path of a file the paths that reach it already. */
async function sortPaths(
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<{ lost: string[]; taken: Map<string, string[]> }> {
  const seen = new Set<string>();
  const lost: string[] = [];
  const taken = new Map<string, string[]>();
  for await (const { samples } of dataset.batches({ salvage: true, signal })) {
    for (const { media } of samples.filter((sample) => sample !== null)) {
      for (const ref of [...media.images, ...media.videos]) {
        for (const path of ref.frames ?? [ref.path]) {
          if (seen.has(path) || isElsewhere(path)) continue;
          seen.add(path);
          const at = placeOf(dataset, path);
          if (at === undefined) lost.push(path);
          else taken.set(at, [...(taken.get(at) ?? []), path]);
        }
      }
    }
  }
  return { lost, taken };
}

/** What no folder holds: data URIs and what is on the network. */
export function isElsewhere(path: string): boolean {
  return /^data:/i.test(path) || isRemote(path);
}

function placeOf(dataset: Dataset, path: string): string | undefined {
  try {
    const media = resolveMedia({ ...dataset, found: undefined }, { path });
    return media.kind === 'file' ? media.path : path;
  } catch (error) {
    // A link that leads out is there, and is to be allowed instead; so is a folder of frames.
    if (!(error instanceof WinnowError)) throw error;
    if (error.code === 'MEDIA_UNREADABLE' || error.message.includes('through a link')) return path;
    return undefined;
  }
}

function realOf(file: string): string {
  try {
    return realpathSync.native(file);
  } catch {
    return file;
  }
}

/**
 * The files that a path can mean: of those with its name the one with most of its folders, if that is one; among equals
 * the one whose name is the same to the letter.
 */
export function filesFor(table: FileTable, path: string): readonly string[] {
  const segments = segmentsOf(path);
  const name = segments.at(-1);
  if (name === undefined) return [];
  const files = table.named(name);
  if (files.length < 2) return files;
  const counts = files.map((file) => commonEnd(segmentsOf(file), segments));
  const most = Math.max(...counts);
  const best = files.filter((_, i) => counts[i] === most);
  const exact = best.filter((file) => file.split('/').at(-1) === name);
  return exact.length === 1 ? exact : best;
}

/** Folders and name of a path, whatever system it was written on. */
export function segmentsOf(path: string): string[] {
  return path
    .replace(/^file:\/\//i, '')
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..');
}

/** How many of the last segments are the same, compared loosely. */
function commonEnd(a: readonly string[], b: readonly string[]): number {
  let n = 0;
  while (n < Math.min(a.length, b.length) && looseName(a.at(-1 - n)!) === looseName(b.at(-1 - n)!)) n++;
  return n;
}

/** True where the shorter of two paths is the end of the longer one. */
function meansSame(one: string, other: string): boolean {
  const [a, b] = [segmentsOf(one), segmentsOf(other)];
  return (
    commonEnd(a, b) === Math.min(a.length, b.length) && (a.length === b.length || Math.min(a.length, b.length) > 1)
  );
}
