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
  /** Only some checks or rows were looked at, as was asked for. */
  partial?: boolean;
  /** The new version, where one was asked for. */
  fixed?: FixResult;
}

/** A data set's last examination lies under the hash of its rows: a changed data set has none. */
function fileOf(project: Project, hash: string): string {
  return join(project.paths.root, 'doctor', `${hash.slice(0, 32)}.json`);
}

/** Keeps an examination for the report. One of only some checks or rows never takes the place of a whole one. */
export async function saveResult(project: Project, result: DoctorResult): Promise<void> {
  const before = result.partial === true ? readResult(project, result.hash) : undefined;
  if (before !== undefined && before.partial !== true) return;
  await writeFileAtomic(fileOf(project, result.hash), `${JSON.stringify(result, null, 1)}\n`);
}

/**
 * The last whole examination of these rows, else the last of only some checks or rows; undefined where there was none.
 */
export function savedResult(project: Project, dataset: Dataset): DoctorResult | undefined {
  return readResult(project, dataset.hash);
}

function readResult(project: Project, hash: string): DoctorResult | undefined {
  const file = fileOf(project, hash);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as DoctorResult;
  } catch {
    // A damaged copy of what can be made again is as good as none.
    return undefined;
  }
}
