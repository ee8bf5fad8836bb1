import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sweepTemporary } from '../base/files/atomic.ts';
import { hasEnded, markIn } from '../base/files/process-mark.ts';
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
