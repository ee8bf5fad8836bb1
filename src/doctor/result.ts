import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/files/atomic.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Project } from '../store/project.ts';
import type { NotRun } from './examine.ts';
import type { CheckFinding } from './findings.ts';
import type { FixResult } from './fixes/write-fixed.ts';

/** What an examination found; JSON. */
export interface DoctorResult {
  dataset: string;
  path: string;
  format: string;
  rows: number;
  /** SHA-256 over the rows. */
  hash: string;
  target: string | null;
  /** By code; checks that found nothing are not in it. */
  findings: CheckFinding[];
  /** Checks that were asked for and lack something. */
  notRun: NotRun[];
  /** The new version, where one was asked for. */
  fixed?: FixResult;
}

/** A data set's last examination lies under the hash of its rows: a changed data set has none. */
function fileOf(project: Project, hash: string): string {
  return join(project.paths.root, 'doctor', `${hash.slice(0, 32)}.json`);
}

export async function saveResult(project: Project, result: DoctorResult): Promise<void> {
  await writeFileAtomic(fileOf(project, result.hash), `${JSON.stringify(result, null, 1)}\n`);
}

/** The last examination of these rows, if there was one. */
export function savedResult(project: Project, dataset: Dataset): DoctorResult | undefined {
  const file = fileOf(project, dataset.hash);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as DoctorResult;
  } catch {
    // A damaged copy of what can be made again is as good as none.
    return undefined;
  }
}
