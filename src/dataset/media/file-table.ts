import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isInside } from './media.ts';
import { looseName } from './similar-path.ts';

/** The files below a folder, by their names compared loosely. */
export interface FileTable {
  /** Relative to the folder, with slashes. */
  named(name: string): readonly string[];
  /** Names of all files, without their folders. */
  names(): string[];
}

/**
 * The files below a folder, those nearest to it first. Folders whose names begin with a dot are left out, and links
 * that lead out of the folder.
 * @param most files after which to stop
 */
export function listFiles(root: string, most = Number.POSITIVE_INFINITY, signal?: AbortSignal): FileTable {
  const byName = new Map<string, string[]>();
  const folders = [''];
  const entered = new Set<string>();
  const top = realOf(root) ?? root;
  let count = 0;
  for (let next = 0; next < folders.length && count < most; next++) {
    signal?.throwIfAborted();
    const folder = folders[next]!;
    const real = realOf(join(root, folder));
    if (real === undefined || !isInside(real, top) || entered.has(real)) continue;
    entered.add(real);
    for (const { name, isFolder, isFile } of entriesOf(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (isFolder && !name.startsWith('.')) folders.push(path);
      if (!isFile || count++ >= most) continue;
      const key = looseName(name);
      const same = byName.get(key);
      if (same === undefined) byName.set(key, [path]);
      else same.push(path);
    }
  }
  return {
    named: (name) => byName.get(looseName(name)) ?? [],
    names: () => [...byName.values()].flat().map((path) => basename(path)),
  };
}

function entriesOf(folder: string): { name: string; isFolder: boolean; isFile: boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => {
        const there = entry.isSymbolicLink() ? statSync(join(folder, entry.name), { throwIfNoEntry: false }) : entry;
        return { name: entry.name, isFolder: there?.isDirectory() === true, isFile: there?.isFile() === true };
      });
  } catch {
    return [];
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
