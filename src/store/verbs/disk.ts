import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { onCode } from '../../base/on-code.ts';

/** A file below a folder: its path from there, and its size. */
export interface FileOnDisk {
  path: string;
  bytes: number;
}

/** All files below a folder, sorted; a folder that isn't there has none. Links are not followed. */
export async function filesBelow(folder: string, at = ''): Promise<FileOnDisk[]> {
  const entries = await readdir(join(folder, at), { withFileTypes: true }).catch(onCode<Dirent[]>(['ENOENT'], []));
  const files: FileOnDisk[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = at === '' ? entry.name : `${at}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(folder, path)));
    else if (entry.isFile()) {
      const found = await stat(join(folder, path)).catch(onCode(['ENOENT'], undefined));
      if (found !== undefined) files.push({ path, bytes: found.size });
    }
  }
  return files;
}

export function sumBytes(files: readonly FileOnDisk[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
