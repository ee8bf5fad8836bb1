import { dirname, resolve } from 'node:path';
import { projectOutputs } from '../store/outputs.ts';
import type { Project } from '../store/project.ts';
import { type CollectRequest, collectReport } from './collect.ts';
import type { ReportData } from './data.ts';
import { buildReport, parseReport } from './report.ts';

export interface ReportRequest extends CollectRequest {
  /** Where the page is written. @default `report.html` in the project */
  out?: string | undefined;
  /** Replace a file that no command of the project wrote; sources and media of its data sets stay. @default false */
  force?: boolean | undefined;
}

export interface ReportResult {
  file: string;
  sizeBytes: number;
  /** What the page shows, for the terminal summary. */
  data: ReportData;
}

/** Collect, build and write the page. */
export async function writeReport(project: Project, request: ReportRequest = {}): Promise<ReportResult> {
  const file = resolve(request.out ?? `${project.folder}/report.html`);
  const guard = await projectOutputs(project, request);
  await guard.check(file);
  const input = await collectReport(project, { ...request, pageFolder: dirname(file) });
  const html = await buildReport(input);
  await guard.write(file, html);
  const data = parseReport(input);
  await project.record({ kind: 'report', name: file, about: { selection: data.selections?.[0]?.name ?? null } });
  return { file, sizeBytes: Buffer.byteLength(html), data };
}
