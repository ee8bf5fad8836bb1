import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { commandLine, shellWord } from '../../base/cli-flags.ts';
import { type Quarantined, WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { formatNamed } from '../../dataset/formats/detect.ts';
import { type FoundMedia, findMedia, isElsewhere } from '../../dataset/media/find-media.ts';
import { isInside, resolveMedia } from '../../dataset/media/media.ts';
import type { FetchCount } from '../../dataset/media/media-cache.ts';
import { hintText, mediaHint } from '../../dataset/media/media-hint.ts';
import { type OpenOptions, openDataset } from '../../dataset/open/open.ts';
import { isPipe } from '../../dataset/records/spool.ts';
import { type FetchOptions, fetchDataset } from '../../dataset/verbs/fetch-dataset.ts';
import { CONFIG_FILE, type DatasetEntry } from '../config.ts';
import { writeFoundMedia } from '../found-media.ts';
import { datasetName, openProject, type Project } from '../project.ts';

/** Rows whose images are looked for. */
const LOOKED_ROWS = 20;

export interface ImportRequest {
  /** File or folder of the data set. */
  path: string;
  /** Media root: the folder that image paths start from. @default the folder of the file */
  images?: string | undefined;
  /** Further folders that links inside the media root may lead to. */
  allow?: readonly string[] | undefined;
  /**
   * Look below the media root for media whose paths lead nowhere, by their names, and keep where they are.
   * @default false
   */
  findMedia?: boolean | undefined;
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
  looked: {
    images: number;
    missing: number;
    because?: string;
    /** What to do, where that is known: what was found, and the command. */
    hint?: { text: string; command?: string };
  };
  /** What `findMedia` found: how many paths, those that several files could be meant by, and those of no file. */
  foundMedia?: { found: number; ambiguous: FoundMedia['ambiguous']; missing: string[] };
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
  const { path, images, allow, format, name, options, dryRun = false, signal, progress } = request;
  if (!dryRun && isPipe(path)) throw pipeIsNoFile(path);
  const entry = {
    path,
    images,
    allow: allow?.map((one) => resolve(one)),
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
      const found = request.findMedia === true ? await findMedia(dataset, signal) : undefined;
      return await describe(withFound(dataset, found), request, false, false, found);
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
  request: ImportRequest,
): Promise<ImportResult> {
  const { fetch, signal, fetching, replace } = request;
  const lost = request.findMedia === true ? await findIn(project, entry, how) : undefined;
  const foundMedia =
    lost === undefined || Object.keys(lost.files).length === 0
      ? undefined
      : await writeFoundMedia(project.folder, project.paths.foundMedia, lost.files);
  const dataset = await project.addDataset({ ...entry, foundMedia }, { ...how, replace });
  const isDefault = project.config().datasets[0]?.name === dataset.name;
  if (fetch === undefined) return describe(dataset, request, true, isDefault, lost);
  const limits = signal === undefined ? fetch : { ...fetch, signal };
  const { dataset: found, count } = await fetchDataset(dataset, project.media, limits, fetching);
  await project.record({ kind: 'fetch', name: dataset.name, about: { ...count } });
  return { ...(await describe(found, request, true, isDefault, lost)), fetched: count };
}

/** Looked for before the data set is added, so that it is opened with what was found. */
async function findIn(
  project: Project,
  { path, ...entry }: Omit<DatasetEntry, 'name'> & { name?: string },
  how: Pick<OpenOptions, 'signal' | 'progress'>,
): Promise<FoundMedia> {
  const dataset = await openDataset(path, {
    ...entry,
    ...how,
    cacheDir: project.paths.indexes,
    fetched: project.media.lookup,
  });
  try {
    return await findMedia(dataset, how.signal);
  } finally {
    await dataset.close();
  }
}

function withFound(dataset: Dataset, found: FoundMedia | undefined): Dataset {
  if (found === undefined) return dataset;
  const files = new Map(Object.entries(found.files));
  return { ...dataset, found: (path) => files.get(path) };
}

async function describe(
  dataset: Dataset,
  request: ImportRequest,
  saved: boolean,
  isDefault: boolean,
  found?: FoundMedia,
): Promise<ImportResult> {
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
    looked: await lookForImages(dataset, request),
    foundMedia: found && {
      found: Object.keys(found.files).length,
      ambiguous: found.ambiguous,
      missing: found.missing,
    },
    hash: dataset.hash,
    sources: Object.fromEntries([...sources].sort((a, b) => b[1] - a[1])),
    quarantined: dataset.quarantined,
    saved,
    isDefault,
  };
}

/** A wrong media root shows in the first rows already; what is wrong with single images is the doctor's to find. */
async function lookForImages(dataset: Dataset, request: ImportRequest): Promise<ImportResult['looked']> {
  const rows = Array.from({ length: Math.min(dataset.rows, LOOKED_ROWS) }, (_, row) => row);
  const images = (await dataset.get(rows)).flatMap((sample) => sample?.media.images ?? []);
  const faults = images.flatMap(({ path }) => {
    try {
      resolveMedia(dataset, { path });
      return [];
    } catch (error) {
      if (!(error instanceof WinnowError)) throw error;
      return [{ path, error }];
    }
  });
  const hint = faults.length > 0 && faults.length === images.length ? hintOf(dataset, faults, request) : undefined;
  return { images: images.length, missing: faults.length, because: faults[0]?.error.message, hint };
}

interface MediaFault {
  path: string;
  error: WinnowError;
}

/** What to do where none of the first images can be had. */
function hintOf(
  dataset: Dataset,
  faults: readonly MediaFault[],
  request: ImportRequest,
): ImportResult['looked']['hint'] {
  const links = faults.flatMap(({ error }) => (isLinkOut(error) ? [error.where.file ?? ''] : []));
  if (2 * links.length > faults.length) {
    const folder = commonFolder(links);
    return {
      text: `${links.length} of them are links to files under ${folder}, outside of the media root; if you trust the data, allow that folder ("allow: [${folder}]" in winnow.yaml, or --allow)`,
      command: importCommand(request, { allow: folder }),
    };
  }
  const lost = faults.map(({ path }) => path).filter((path) => !isElsewhere(path));
  const hint = mediaHint(lost, dataset, formatNamed(dataset.format));
  if (hint === undefined) return undefined;
  const { images, options, findMedia } = hint;
  return {
    text: hintText(hint, new Set(lost).size),
    command: importCommand(request, {
      images: images === undefined ? undefined : relative('', images) || '.',
      options,
      findMedia,
    }),
  };
}

const isLinkOut = ({ code, message }: WinnowError): boolean =>
  code === 'MEDIA_OUTSIDE_ROOT' && message.includes('through a link');

function commonFolder(files: readonly string[]): string {
  let folder = dirname(files[0]!);
  while (!files.every((file) => isInside(file, folder))) folder = dirname(folder);
  return folder;
}

/** The command of this import, with what would help. */
function importCommand(
  request: ImportRequest,
  change: { images?: string; allow?: string; options?: Record<string, string>; findMedia?: true },
): string {
  const { path, format, name, fetch, replace } = request;
  const allow = [...(request.allow ?? []), change.allow].filter((one) => one !== undefined);
  const options = Object.entries({ ...request.options, ...change.options }).map(([key, value]) =>
    shellWord(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`),
  );
  const flags = {
    images: change.images ?? request.images,
    format,
    name,
    replace,
    findMedia: change.findMedia ?? request.findMedia,
    fetch: fetch !== undefined,
  };
  const lists = [allow.map((one) => ` --allow ${shellWord(one)}`), options.map((one) => ` --option ${one}`)];
  return `${commandLine(['import', path], flags)}${lists.flat().join('')}`;
}
