import { dirname, join, relative, resolve } from 'node:path';
import { isRegularFile } from '../../base/files/regular-file.ts';
import type { Format } from '../format.ts';
import { type FileTable, listFiles } from './file-table.ts';
import { filesFor, isElsewhere, segmentsOf } from './find-media.ts';

/** How media that are not where their paths say can be had. */
export interface MediaHint {
  /** How many of the paths lead to a file then. */
  found: number;
  /** Media root to give. Absent: the one in force. */
  images?: string;
  /** Options of the format to give. */
  options?: Record<string, string>;
  /** Paths and names differ by more than the folder they start from: the files are to be looked for by their names. */
  findMedia?: true;
  /** One of the paths and the file that it means, from that media root. */
  example: { path: string; file: string };
}

/** Files that are listed below a folder: a home directory must not keep an import waiting. */
const MOST_FILES = 200_000;
/** Fewer are listed above the data: there may lie anything. */
const MOST_ABOVE = 20_000;
/** Folders above the data in which the paths are tried. */
const ABOVE = 3;

/**
 * Look for media of which none is where its path says: under the media root, beside the data and above it, by whole
 * paths, ends of paths, and names.
 * @param paths as they stand in the data
 */
export function mediaHint(
  paths: readonly string[],
  { mediaRoot, path }: { mediaRoot: string; path: string },
  format: Pick<Format, 'mediaOption'> = {},
): MediaHint | undefined {
  const lost = [...new Set(paths)].filter((one) => !isElsewhere(one));
  if (lost.length === 0) return undefined;
  const beside = dirname(resolve(path));
  const roots = [...new Set([resolve(mediaRoot), beside, dirname(beside)])];
  const tables = new Map<string, FileTable>();
  const tableOf = (root: string): FileTable => {
    const table = tables.get(root) ?? listFiles(root, root === dirname(beside) ? MOST_ABOVE : MOST_FILES);
    tables.set(root, table);
    return table;
  };
  return byRoot(lost, roots, tableOf) ?? byOption(lost, roots, tableOf, format) ?? byName(lost, roots, tableOf);
}

type Tables = (root: string) => FileTable;

/** A folder from which most of the paths lead to files as they are. */
function byRoot(lost: readonly string[], roots: readonly string[], tableOf: Tables): MediaHint | undefined {
  const counts = new Map<string, string[]>();
  const count = (root: string, path: string): void => {
    counts.set(root, [...(counts.get(root) ?? []), path]);
  };
  const isPlain = (path: string): boolean => !/^([\\/]|[a-z]:|file:)/i.test(path) && !/(^|\/)\.\.(\/|$)/.test(path);
  const plain = lost.filter(isPlain);
  const folders = new Set(roots.flatMap((root) => [root, ...foldersAbove(root)]));
  for (const folder of folders) for (const path of plain) if (isRegularFile(join(folder, path))) count(folder, path);
  const isEnough = (): boolean => [...counts.values()].some((ones) => 2 * ones.length > lost.length);
  for (const root of roots) {
    if (isEnough()) break;
    for (const path of plain) {
      const end = `/${segmentsOf(path).join('/')}`;
      const files = tableOf(root).named(end.slice(end.lastIndexOf('/') + 1));
      const starts = files.flatMap((file) => (`/${file}`.endsWith(end) ? [`/${file}`.slice(1, -end.length)] : []));
      for (const start of new Set(starts)) count(join(root, start), path);
    }
  }
  const [best] = [...counts].sort((a, b) => b[1].length - a[1].length || a[0].length - b[0].length);
  if (best === undefined || 2 * best[1].length <= lost.length) return undefined;
  const [images, found] = best;
  return { found: found.length, images, example: { path: found[0]!, file: segmentsOf(found[0]!).join('/') } };
}

function foldersAbove(folder: string): string[] {
  const above: string[] = [];
  for (let at = dirname(folder); above.length < ABOVE && at !== dirname(at); at = dirname(at)) above.push(at);
  return above;
}

/** An option of the format under which the paths are others, and those are found. */
function byOption(
  lost: readonly string[],
  roots: readonly string[],
  tableOf: Tables,
  { mediaOption }: Pick<Format, 'mediaOption'>,
): MediaHint | undefined {
  for (const root of mediaOption === undefined ? [] : roots) {
    const change = mediaOption!(lost, tableOf(root).names());
    if (change === undefined) continue;
    const paths = lost.map(change.path);
    const rest = byRoot(paths, roots, tableOf) ?? byName(paths, roots, tableOf);
    if (rest === undefined) continue;
    const images = rest.images === roots[0] ? undefined : rest.images;
    return { ...rest, images, options: change.option };
  }
  return undefined;
}

/** The folder below which most of the paths have one file of their name. */
function byName(lost: readonly string[], roots: readonly string[], tableOf: Tables): MediaHint | undefined {
  let best: MediaHint | undefined;
  for (const root of roots) {
    const found = lost.flatMap((path) => {
      const files = filesFor(tableOf(root), path);
      return files.length === 1 ? [{ path, file: files[0]! }] : [];
    });
    if (found.length <= (best?.found ?? 0)) continue;
    const images = root === roots[0] ? undefined : root;
    best = { found: found.length, images, findMedia: true, example: found[0]! };
  }
  return best;
}

/** For people: what was found where. */
export function hintText({ found, images, options, findMedia, example }: MediaHint, of: number): string {
  const where = images === undefined ? 'the media root' : relative('', images) || '.';
  const how = findMedia === true ? ` under other paths ("${example.path}" is "${example.file}")` : '';
  const under =
    options === undefined ? '' : `, with ${Object.entries(options).map(([key, value]) => `${key}=${value}`)}`;
  const many = found === of ? (of === 1 ? 'It is' : `All ${of} are`) : `${found} of the ${of} are`;
  return `${many} under ${where}${how}${under}`;
}
