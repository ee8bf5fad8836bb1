import { type Dirent, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sweepTemporary } from '../base/files/atomic.ts';
import { hasEnded, markIn } from '../base/files/process-mark.ts';
import { refuseSpecialFile } from '../base/files/regular-file.ts';
import type { ProjectPaths } from './paths.ts';

/**
 * Delete what killed processes have left in a project: temporary files, work folders, locks. Finished files are never
 * touched.
 */
export function sweepProject(paths: ProjectPaths): void {
  for (const folder of [paths.folder, paths.root, paths.selections, paths.indexes, paths.temporary, paths.media])
    sweepTemporary(folder);
  for (const signal of namesIn(paths.signals)) sweepTemporary(join(paths.signals, signal));
  for (const ticket of namesIn(paths.locks)) {
    if (hasEnded(markIn(ticket) ?? '') === true) rmSync(join(paths.locks, ticket), { force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Throws `NOT_A_FILE` where a pipe, a socket or a device lies in a project: who opens one may wait for ever. */
export function refuseSpecialFiles({ root }: ProjectPaths): void {
  for (const entry of entriesBelow(root)) {
    if (!entry.isFile() && !entry.isDirectory()) refuseSpecialFile(join(entry.parentPath, entry.name));
  }
}

function entriesBelow(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}
