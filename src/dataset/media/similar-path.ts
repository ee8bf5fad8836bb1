import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A file that is there under nearly the name that was asked for. */
export interface SimilarPath {
  /** Relative to the media root, with slashes. */
  path: string;
  /** How its name differs, for people: `in other case`. */
  how: string;
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** A name without what changes on its way between machines: Unicode normal form, %-codes and case. */
export function looseName(name: string): string {
  return decoded(name).normalize('NFC').toLowerCase();
}

/** Ways in which names change on their way between machines, the likeliest first. */
const WAYS: readonly { how: string; same: (name: string) => string }[] = [
  { how: 'in another Unicode normal form', same: (name) => name.normalize('NFC') },
  { how: 'in other case', same: (name) => name.normalize('NFC').toLowerCase() },
  { how: 'with %-codes decoded', same: (name) => decoded(name).normalize('NFC') },
  { how: 'with %-codes decoded and in other case', same: looseName },
];

/** The file that a missing path probably means: its folders and its name compared loosely, one after the other. */
export function similarPath(mediaRoot: string, path: string): SimilarPath | undefined {
  const isBackslashed = path.includes('\\');
  const segments = path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (segments.length === 0 || segments.includes('..')) return undefined;
  const hows = new Set<string>(isBackslashed ? ['with slashes for backslashes'] : []);
  let at = mediaRoot;
  const found: string[] = [];
  for (const segment of segments) {
    const names = entriesOf(at);
    const way = names.includes(segment)
      ? undefined
      : WAYS.find(({ same }) => names.some((name) => same(name) === same(segment)));
    const name = way === undefined ? segment : names.find((one) => way.same(one) === way.same(segment))!;
    if (way !== undefined) hows.add(way.how);
    at = join(at, name);
    found.push(name);
  }
  if (hows.size === 0 || statSync(at, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  return { path: found.join('/'), how: [...hows].join(', ') };
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
