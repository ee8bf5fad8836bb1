import { resolve } from 'node:path';
import { runArena } from '../../experiment/arena/arena.ts';
import type { ArenaRequest } from '../../experiment/arena/plan.ts';
import type { ArenaResult } from '../../experiment/arena/result.ts';
import { projectOutputs } from '../../store/outputs.ts';
import type { Project } from '../../store/project.ts';
import { arenaCsv } from './csv.ts';
import { buildArenaPage } from './page.ts';

export interface WriteArenaRequest extends ArenaRequest {
  /** Where the page is written. @default `arena.html` in the project */
  out?: string | undefined;
  /** Where the table is written. @default beside the page */
  csv?: string | undefined;
  /** Replace files that no command of the project wrote; sources and media of its data sets stay. @default false */
  force?: boolean | undefined;
}

export interface WrittenArena {
  result: ArenaResult;
  /** Absolute paths. */
  page: string;
  csv: string;
  pageBytes: number;
}

/** Run the arena and write its page and its table. */
export async function writeArena(project: Project, request: WriteArenaRequest = {}): Promise<WrittenArena> {
  const page = resolve(request.out ?? `${project.folder}/arena.html`);
  const csv = resolve(request.csv ?? page.replace(/(\.html?)?$/i, '.csv'));
  const guard = await projectOutputs(project, request);
  for (const file of [page, csv]) await guard.check(file);
  const began = performance.now();
  const result = await runArena(project, request);
  const seconds = (performance.now() - began) / 1000;
  const html = await buildArenaPage(project, result, request);
  await guard.write(csv, arenaCsv(result));
  await guard.write(page, html);
  const { methods, dataset, rows } = result;
  const chosen = methods.filter(({ reused }) => !reused).length;
  const facts = { dataset, rows, chosen, doctor: request.doctor !== false, seconds };
  await project.record({ kind: 'report', name: page, about: { arena: methods.map(({ id }) => id), ...facts } });
  return { result, page, csv, pageBytes: Buffer.byteLength(html) };
}
