import { resolve } from 'node:path';
import { writeFileAtomic } from '../base/files/atomic.ts';
import type { Project } from '../store/project.ts';
import { type CollectRequest, collectReport } from './collect.ts';
import type { ReportData } from './data.ts';
import { buildReport, parseReport } from './report.ts';

export interface ReportRequest extends CollectRequest {
  /** Where the page is written. @default `report.html` in the project */
  out?: string | undefined;
}

export interface ReportResult {
  file: string;
  sizeBytes: number;
  /** What the page shows, for the terminal summary. */
  data: ReportData;
}

/** Collect, build and write the page. */
export async function writeReport(project: Project, request: ReportRequest = {}): Promise<ReportResult> {
  const input = await collectReport(project, request);
  const html = await buildReport(input);
  const file = resolve(request.out ?? `${project.folder}/report.html`);
  await writeFileAtomic(file, html);
  const data = parseReport(input);
  await project.record({ kind: 'report', name: file, about: { selection: data.selections?.[0]?.name ?? null } });
  return { file, sizeBytes: Buffer.byteLength(html), data };
}
