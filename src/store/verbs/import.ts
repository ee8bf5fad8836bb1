import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Quarantined, WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { resolveMedia } from '../../dataset/media/media.ts';
import type { FetchCount } from '../../dataset/media/media-cache.ts';
import { type OpenOptions, openDataset } from '../../dataset/open/open.ts';
import { isPipe } from '../../dataset/records/spool.ts';
import { type FetchOptions, fetchDataset } from '../../dataset/verbs/fetch-dataset.ts';
import { CONFIG_FILE } from '../config.ts';
import { datasetName, openProject, type Project } from '../project.ts';

/** Rows whose images are looked for. */
const LOOKED_ROWS = 20;

export interface ImportRequest {
  /** File or folder of the data set. */
  path: string;
  /** Media root: the folder that image paths start from. @default the folder of the file */
  images?: string | undefined;
  /** Format name. @default detected */
  format?: string | undefined;
  /** Name in the project. @default the file's name */
  name?: string | undefined;
  /** Put it in the place of another data set that has the name. @default false */
  replace?: boolean | undefined;
  /** Options of the format; `dataset` picks an entry of a `dataset_info.json`. */
  options?: Record<string, unknown> | undefined;
  /** Fetch media that are named by URL into the project, within these limits. @default nothing is fetched */
  fetch?: FetchOptions | undefined;
  /** Look, but save nothing. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
  /** While the index is made: rows so far, bytes so far, bytes in all. */
  progress?: (rows: number, bytes: number, total: number) => void;
  /** While media are fetched. */
  fetching?: (done: number, total: number, what: string) => void;
}

/** What was found in a data set; JSON. */
export interface ImportResult {
  name: string;
  path: string;
  format: string;
  /** Why this format was chosen. */
  detected: string;
  mediaRoot: string;
  rows: number;
  /** Rows without an image or video. */
  textOnly: number;
  /**
   * Images of the first rows that have any: how many were looked for, how many can't be had, and why the first of them
   * can't.
   */
  looked: { images: number; missing: number; because?: string };
  /** SHA-256 over the rows. */
  hash: string;
  /** Rows of each source, the largest first. */
  sources: Record<string, number>;
  /** Rows that can't be used; with `fetch` also those with a medium that could not be fetched. */
  quarantined: readonly Quarantined[];
  /** What `fetch` did. */
  fetched?: FetchCount;
  saved: boolean;
  /** Commands that name no data set take this one: it is the first of the project. */
  isDefault: boolean;
}

/**
 * Take a data set into a project, which is made where there is none. What can't be opened leaves no project behind.
 *
 * @param given a project, or its folder
 * @throws WinnowError of {@link openDataset}; `NAME_INVALID`, `CONFIG_INVALID`, `PIPE_IS_NO_FILE`
 */
export async function importDataset(given: Project | string, request: ImportRequest): Promise<ImportResult> {
  const { path, images, format, name, options, dryRun = false, signal, progress } = request;
  if (!dryRun && isPipe(path)) throw pipeIsNoFile(path);
  const entry = {
    path,
    images,
    format,
    name,
    options,
  };
  const how: Pick<OpenOptions, 'signal' | 'progress'> = {
    signal,
    progress,
  };
  if (dryRun) {
    const dataset = await openDataset(path, { ...entry, ...how });
    try {
      return await describe(dataset, false, false);
    } finally {
      await dataset.close();
    }
  }
  if (typeof given !== 'string') return add(given, entry, how, request);
  const folder = resolve(given);
  if (!existsSync(join(folder, CONFIG_FILE))) {
    // What fails has failed before a project is made; the index is kept, so that nothing is read twice.
    datasetName(entry);
    const tried = await openDataset(path, { ...entry, ...how, cacheDir: join(folder, '.winnow', 'indexes') });
    await tried.close();
  }
  await using project = await openProject(folder, { create: true });
  // Awaited here: the project is closed when this block is left.
  return await add(project, entry, how, request);
}

/** A project keeps the place of its data, and what came through a pipe has none. */
function pipeIsNoFile(path: string): WinnowError {
  return new WinnowError({
    code: 'PIPE_IS_NO_FILE',
    message: `A project reads its data set again whenever it needs it, and ${path === '-' ? 'standard input' : path} can be read once only.`,
    hint: 'Save it first ("cat > data.jsonl"), then import the file; convert, merge, split, filter and doctor take "-".',
    exitCode: 2,
  });
}

async function add(
  project: Project,
  entry: Parameters<Project['addDataset']>[0],
  how: Pick<OpenOptions, 'signal' | 'progress'>,
  { fetch, signal, fetching, replace }: ImportRequest,
): Promise<ImportResult> {
  const dataset = await project.addDataset(entry, { ...how, replace });
  const isDefault = project.config().datasets[0]?.name === dataset.name;
  if (fetch === undefined) return describe(dataset, true, isDefault);
  const limits = signal === undefined ? fetch : { ...fetch, signal };
  const { dataset: found, count } = await fetchDataset(dataset, project.media, limits, fetching);
  await project.record({ kind: 'fetch', name: dataset.name, about: { ...count } });
  return { ...(await describe(found, true, isDefault)), fetched: count };
}

async function describe(dataset: Dataset, saved: boolean, isDefault: boolean): Promise<ImportResult> {
  const sources = new Map<string, number>();
  for (let row = 0; row < dataset.rows; row++) {
    const source = dataset.sourceOf(row) ?? 'unknown';
    sources.set(source, (sources.get(source) ?? 0) + 1);
  }
  return {
    name: dataset.name,
    path: dataset.path,
    format: dataset.format,
    detected: dataset.detected,
    mediaRoot: dataset.mediaRoot,
    rows: dataset.rows,
    textOnly: dataset.rowFlags.reduce((n, flags) => n + ((flags >> 1) & 1), 0),
    looked: await lookForImages(dataset),
    hash: dataset.hash,
    sources: Object.fromEntries([...sources].sort((a, b) => b[1] - a[1])),
    quarantined: dataset.quarantined,
    saved,
    isDefault,
  };
}

/** A wrong media root shows in the first rows already; what is wrong with single images is the doctor's to find. */
async function lookForImages(dataset: Dataset): Promise<ImportResult['looked']> {
  const rows = Array.from({ length: Math.min(dataset.rows, LOOKED_ROWS) }, (_, row) => row);
  const images = (await dataset.get(rows)).flatMap((sample) => sample?.media.images ?? []);
  const faults = images.flatMap((ref) => {
    try {
      resolveMedia(dataset, ref);
      return [];
    } catch (error) {
      if (!(error instanceof WinnowError)) throw error;
      return [error.message];
    }
  });
  const because = faults[0] === undefined ? {} : { because: faults[0] };
  return { images: images.length, missing: faults.length, ...because };
}
