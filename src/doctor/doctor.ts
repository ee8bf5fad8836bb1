import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { type OpenOptions, openDataset } from '../dataset/open/open.ts';
import { openProject, type Project } from '../store/project.ts';
import { type ExamineOptions, examine } from './examine.ts';
import { writeFixed } from './fixes/write-fixed.ts';
import { type DoctorResult, saveResult } from './result.ts';
import { targetNamed } from './target.ts';

export interface DoctorRequest extends Omit<ExamineOptions, 'target' | 'against'> {
  /** A file or folder; then no project is needed. @default the project's data set */
  path?: string | undefined;
  /** Data set of the project. @default its first */
  dataset?: string | undefined;
  /** Media root of `path`. @default the folder of the file */
  images?: string | undefined;
  /** Format of `path`. @default detected */
  format?: string | undefined;
  /** Options of the format of `path`; `dataset` picks an entry of a `dataset_info.json`. */
  options?: Record<string, unknown> | undefined;
  /** What the data is for: a model, a trainer, or both joined with a comma (`qwen3-vl,llama-factory`). */
  target?: string | undefined;
  /** Benchmarks (files or folders) whose images and questions must not be in the data. */
  against?: readonly string[] | undefined;
  /** Write a new version with everything fixed that can be. @default false */
  fix?: boolean;
  /** Folder or main file of the new version. @default `fixed/<name>-fixed` in the project */
  out?: string | undefined;
}

/**
 * Look for what would break a training run, and fix what can be fixed in a new version of the data set.
 *
 * @param given a project or its folder; null with `path`, which needs none
 * @throws WinnowError of `openDataset`, `TARGET_UNKNOWN`, `CODE_UNKNOWN`, `OUT_MISSING`, `OUTPUT_EXISTS`
 */
export async function doctor(given: Project | string | null, request: DoctorRequest = {}): Promise<DoctorResult> {
  const { path, images, format, options } = request;
  if (path === undefined) {
    if (given === null) throw misuse('Neither a file nor a project was given.', 'Name a file.');
    return typeof given === 'string' ? withProject(given, request) : inProject(given, request);
  }
  const { signal } = request;
  const dataset = await openDataset(path, {
    unreadable: 'keep',
    images,
    format,
    options,
    signal,
    ...indexing(request),
  });
  try {
    return await visit(dataset, request);
  } finally {
    await dataset.close();
  }
}

async function withProject(folder: string, request: DoctorRequest): Promise<DoctorResult> {
  await using project = await openProject(folder);
  return await inProject(project, request);
}

/** The result is kept for the report; a new version becomes a data set of its own. */
async function inProject(project: Project, request: DoctorRequest): Promise<DoctorResult> {
  const isWritable = canWrite(project.folder) && canWrite(project.paths.root);
  if (request.fix && !isWritable) throw readOnly(project.folder);
  const dataset = await project.dataset(request.dataset, indexing(request));
  const name = freeName(project, `${dataset.name}-fixed`, request.out === undefined);
  const out = request.out ?? join(project.folder, 'fixed', name);
  const result = await visit(dataset, { ...request, out });
  const { only, skip = [], limit } = request;
  const partial = only !== undefined || skip.length > 0 || (limit !== undefined && limit < dataset.rows);
  if (isWritable) await saveResult(project, { ...result, partial: partial || undefined });
  if (result.fixed === undefined) return result;
  await project.addDataset({ name, path: result.fixed.path, format: dataset.format });
  return { ...result, fixed: { ...result.fixed, dataset: name } };
}

/** The name, or with a number behind it where a data set (or the folder of its files) has it already. */
function freeName(project: Project, name: string, needsFolder: boolean): string {
  const taken = new Set(project.config().datasets.map((one) => one.name));
  const isFree = (one: string): boolean =>
    !taken.has(one) && !(needsFolder && existsSync(join(project.folder, 'fixed', one)));
  for (let n = 1; ; n++) {
    const one = n === 1 ? name : `${name}-${n}`;
    if (isFree(one)) return one;
  }
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readOnly(folder: string): WinnowError {
  return new WinnowError({
    code: 'PROJECT_READ_ONLY',
    message: 'The project can not be written, and --fix keeps a new data set in it.',
    where: { file: folder },
    hint: 'Examine without --fix, or name the file and a folder: winnow doctor FILE --fix --out NEW.',
  });
}

async function visit(dataset: Dataset, request: DoctorRequest): Promise<DoctorResult> {
  const { target: named, against: benchmarks = [], fix = false, out, ...options } = request;
  const target = named === undefined ? undefined : targetNamed(named);
  if (fix && out === undefined) throw misuse('--fix writes a new version, and no --out says where.', 'Add --out NEW.');
  if (!fix && request.out !== undefined && request.path !== undefined)
    throw misuse('--out is for --fix.', 'Add --fix, or leave --out out.');
  const against: Dataset[] = [];
  try {
    for (const path of benchmarks) against.push(await openDataset(path));
    const examined = await examine(dataset, { ...options, against, ...(target === undefined ? {} : { target }) });
    const { signal, progress } = request;
    const fixed = fix
      ? await writeFixed(dataset, examined, {
          out: out!,
          target,
          signal,
          progress,
        })
      : undefined;
    const { name, path, format, rows, hash } = dataset;
    const { findings, notRun } = examined;
    return {
      dataset: name,
      path,
      format,
      rows,
      hash,
      target: target?.name ?? null,
      findings,
      notRun,
      fixed,
    };
  } finally {
    for (const one of against) await one.close();
  }
}

/** Progress while the index is made, in bytes. */
function indexing({ progress }: DoctorRequest): Pick<OpenOptions, 'progress'> {
  return progress === undefined
    ? {}
    : { progress: (_rows, bytes, total) => progress(bytes, total, 'indexing (bytes)') };
}

function misuse(message: string, hint: string): WinnowError {
  return new WinnowError({ code: 'OPTION_INVALID', message, hint, exitCode: 2 });
}
