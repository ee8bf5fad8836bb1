import { dirname, extname, join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { userCacheFolder } from '../../base/files/cache-folder.ts';
import { type OutputGuard, outputGuard } from '../../base/files/output-guard.ts';
import type { Dataset } from '../dataset.ts';
import type { Format } from '../format.ts';
import { formatNamed } from '../formats/detect.ts';
import { formats } from '../formats/registry.ts';
import { openMediaCache } from '../media/media-cache.ts';
import type { MediaMode } from '../media/place-media.ts';
import { type RenderOptions, renderSettings } from '../media/render.ts';
import { type OpenOptions, openDataset } from '../open/open.ts';
import { COMPRESSED } from '../records/compress.ts';
import type { Sample } from '../sample.ts';
import { keepSources, type SourceFiles, sourceFiles } from '../source-files.ts';
import { type FetchOptions, fetchDataset } from './fetch-dataset.ts';
import { mainFile, stageDataset, type WriteRequest, type Written } from './write.ts';

/** How a data set is read by the verbs that need no project. */
export interface InputOptions {
  /** Format name. @default detected */
  from?: string | undefined;
  /** Media root. @default the folder of the file */
  images?: string | undefined;
  /** Options of the format that is read. */
  readOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Fetch media that are named by URL, within these limits. @default nothing is fetched */
  fetch?: FetchOptions | undefined;
}

/** What every verb that writes a data set takes. */
export interface OutputOptions {
  /** Format name. @default that of the extension, else that of the input */
  to?: string | undefined;
  /** What happens to media. @default `keep` where the output lies in the media root, else `link` */
  media?: MediaMode | undefined;
  /** Options of the format that is written. */
  options?: Readonly<Record<string, unknown>> | undefined;
  /** Write images anew: upright, RGB, within a pixel budget, re-encoded, named by content. */
  render?: RenderOptions | undefined;
  /** Write what the format can hold and report the rest, instead of refusing. @default false */
  lossy?: boolean | undefined;
  /** Replace a file that is there, unless it belongs to what is read or to `protect`. @default false */
  force?: boolean | undefined;
  /** Further data sets whose files are never replaced. */
  protect?: readonly SourceFiles[] | undefined;
  /** Count and check everything, write nothing. @default false */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
  progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** A written data set, for people and machines. */
export interface Output extends Written {
  format: string;
  /** The main file. */
  out: string;
}

/**
 * Open a file or folder without a project. With `fetch`, its remote media are fetched into the user's cache folder (in
 * a dry run only those that are there already count), and rows for which that fails are set aside. Throws what {@link
 * openDataset} throws.
 */
export async function openInput(
  path: string,
  { from, images, readOptions, fetch }: InputOptions,
  { signal, progress, dryRun }: Pick<OutputOptions, 'signal' | 'progress' | 'dryRun'> = {},
): Promise<Dataset> {
  const settings: OpenOptions = {
    format: from,
    images,
    options: readOptions,
    signal,
    progress: progress === undefined ? undefined : (_rows, bytes, total) => progress(bytes, total, 'indexing (bytes)'),
  };
  const dataset = await openDataset(path, settings);
  if (fetch === undefined || dryRun === true) return dataset;
  const cache = openMediaCache(join(userCacheFolder(), 'media'));
  const limits = signal === undefined ? fetch : { ...fetch, signal };
  try {
    return (await fetchDataset(dataset, cache, limits, progress)).dataset;
  } catch (error) {
    await dataset.close();
    throw error;
  }
}

/** Samples of some rows (all of them: `rows` absent) in order; rows that are set aside are passed over. */
export async function* samplesOf(
  dataset: Dataset,
  rows?: ArrayLike<number>,
  { signal, progress }: Pick<OutputOptions, 'signal' | 'progress'> = {},
): AsyncGenerator<Sample> {
  const total = rows?.length ?? dataset.rows;
  const block = 256;
  for (let start = 0; start < total; start += block) {
    signal?.throwIfAborted();
    const wanted = Array.from({ length: Math.min(block, total - start) }, (_, i) => rows?.[start + i] ?? start + i);
    for (const sample of await dataset.get(wanted)) if (sample !== null) yield sample;
    progress?.(Math.min(start + block, total), total, 'samples');
  }
}

/**
 * The format to write: the one that is named, else the one whose extension the output has, else that of the input.
 * Throws `FORMAT_UNKNOWN`, `FORMAT_UNSAID` where the extension is of no format of the input's kind.
 */
export function outputFormat(to: string | undefined, out: string, input: string): string {
  if (to !== undefined) return formatNamed(to).name;
  if (out === '-') return input;
  const extension = extname(out.replace(COMPRESSED, '')).toLowerCase();
  const isJson = /^\.(json|jsonl|ndjson)$/.test(extension);
  const own = isJson ? undefined : formats.find((format) => format.extension !== '' && format.extension === extension);
  if (own !== undefined) return own.name;
  const like = formatNamed(input);
  const fits = isJson ? /^\.jsonl?$/.test(like.extension) : extension === '' || extension === like.extension;
  if (fits) return input;
  throw new WinnowError({
    code: 'FORMAT_UNSAID',
    message: `The input is ${like.title}, which is not written to "${extension === '' ? 'a folder' : extension}".`,
    where: { file: resolve(out) },
    hint: `Say the format to write with --to: ${formats.map((format) => format.name).join(', ')}.`,
    exitCode: 2,
  });
}

/** Write samples that come from data sets with the options all verbs share. Throws what {@link writeDataset} throws. */
export async function writeOutput(samples: WriteRequest['samples'], request: OutputRequest): Promise<Output> {
  const staged = await stageOutput(samples, request);
  try {
    return await staged.commit();
  } finally {
    await staged.discard();
  }
}

type OutputRequest = Omit<OutputOptions, 'dryRun'> & {
  fetch?: FetchOptions | undefined;
  /** @default keeps the inputs, and everything else unless `force` */
  guard?: OutputGuard | undefined;
  resume?: WriteRequest['resume'];
  out: string;
  dryRun?: WriteRequest['dryRun'] | undefined;
  /** Format of the input. */
  like: string;
  inputs: readonly Dataset[];
  scope: WriteRequest['mediaRoot'];
};

/** The first half of {@link writeOutput}. */
export async function stageOutput(
  samples: WriteRequest['samples'],
  request: OutputRequest,
): Promise<{ commit(): Promise<Output>; discard(): Promise<void> }> {
  const format = outputFormat(request.to, request.out, request.like);
  const out = mainFile(request.out, formatNamed(format));
  for (const { path } of request.inputs) {
    // A folder that is read as shards would be read together with what is written into it.
    if (out === '-' || !formatNamed(format).holdsMedia || path !== dirname(out)) continue;
    throw new WinnowError({
      code: 'OUTPUT_IS_INPUT',
      message: 'The folder to write into is the one that is read.',
      where: { file: path },
      hint: 'Write into another folder: the original stays as it is.',
      exitCode: 2,
    });
  }
  const isNew = renderSettings(request.render) !== undefined;
  const hasNoPath = request.fetch !== undefined || request.inputs.some(({ embedded }) => embedded !== undefined);
  const media = request.media ?? usualMedia(formatNamed(format), out, request.inputs, { isNew, hasNoPath });
  const staged = await stageDataset({
    samples,
    format,
    out: request.out,
    media,
    mediaRoot: request.scope,
    lossy: request.lossy ?? false,
    dryRun: request.dryRun ?? false,
    guard: request.guard ?? guardInputs(request),
    resume: request.resume,
    render: request.render,
    options: request.options,
    columnTypes: request.inputs.length === 1 ? request.inputs[0]!.columnTypes : undefined,
    signal: request.signal,
  });
  const commit = async (): Promise<Output> => {
    const written = await staged.commit();
    return { ...written, format, out: written.files[0] ?? out };
  };
  return { commit, discard: staged.discard };
}

/** Keeps the files of what is read, and of other data sets. */
function guardInputs({
  inputs,
  force,
  protect = [],
}: Pick<OutputOptions, 'force' | 'protect'> & { inputs: readonly Dataset[] }): OutputGuard {
  return outputGuard({ force, keeps: keepSources([...inputs.map(sourceFiles), ...protect]) });
}

/**
 * What happens to media if nobody says: their paths stay where they lead to the same files, else the files go along.
 */
function usualMedia(
  format: Format,
  out: string,
  inputs: readonly Dataset[],
  { isNew, hasNoPath }: { isNew: boolean; hasNoPath: boolean },
): MediaMode {
  if (format.holdsMedia) return 'inside';
  if (out === '-') return isNew || hasNoPath ? 'embed' : 'keep';
  if (isNew) return 'copy';
  return !hasNoPath && inputs.every(({ mediaRoot }) => mediaRoot === dirname(out)) ? 'keep' : 'link';
}
