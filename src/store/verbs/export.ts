import { createHash } from 'node:crypto';
import { extname, join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { isRemote } from '../../dataset/media/media.ts';
import type { FetchCount } from '../../dataset/media/media-cache.ts';
import type { MediaMode } from '../../dataset/media/place-media.ts';
import type { RenderOptions } from '../../dataset/media/render.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { FetchOptions } from '../../dataset/verbs/fetch-dataset.ts';
import { type Loss, writeDataset } from '../../dataset/verbs/write.ts';
import { withLock } from '../lock.ts';
import { projectOutputs } from '../outputs.ts';
import type { Project } from '../project.ts';
import { readSelectionHead, selectionOrNewest } from '../selections.ts';
import { writeCard } from './dataset-card.ts';

export interface ExportRequest {
  /** @default the one that was made last */
  selection?: string | undefined;
  /** @default the project's default, else the format of the data set */
  format?: string | undefined;
  /** Folder or main file, from where the caller stands. @default `export/<selection>` in the project */
  out?: string | undefined;
  /** @default the project's default, else `link` */
  images?: MediaMode | undefined;
  /**
   * Fetch the media of the selection that are named by URL into the project, within these limits. @default nothing is
   * fetched
   */
  fetch?: FetchOptions | undefined;
  /** Write images anew: upright, RGB, within a pixel budget, re-encoded, named by content. */
  render?: RenderOptions | undefined;
  lossy?: boolean;
  /** Replace files that no command of the project wrote; sources and media of its data sets stay. @default false */
  force?: boolean | undefined;
  /** Options of the format. */
  options?: Readonly<Record<string, unknown>>;
  /** Count everything, write nothing. */
  dryRun?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

export interface ExportResult {
  selection: string;
  format: string;
  out: string;
  files: string[];
  rows: number;
  images: MediaMode;
  mediaFiles: number;
  /** What the format could not hold, and media that are not there. */
  lost: Loss[];
  /** What `fetch` did. */
  fetched?: FetchCount;
}

/**
 * Write the samples of a saved selection, in its order, as files that a trainer reads. Throws `SELECTION_UNKNOWN`,
 * `SELECTION_MISSING`, `SELECTION_STALE` where an id is no longer in the data set, `FORMAT_CANNOT_HOLD` (nothing is
 * written then).
 */
export async function exportSelection(project: Project, request: ExportRequest = {}): Promise<ExportResult> {
  const name = await selectionOrNewest(project, request.selection);
  const head = await readSelectionHead(project, name);
  const dataset = await project.dataset(head.dataset.name);
  const defaults = project.config().defaults;
  const format = request.format ?? defaults.format ?? dataset.format;
  const asked = request.images ?? defaults.media ?? 'link';
  const out = request.out === undefined ? join(project.folder, 'export', name) : resolve(request.out);
  const rows = head.ids.map((id) => rowInForce(dataset, id, name));
  const fetched = request.dryRun === true ? undefined : await fetchSelected(project, dataset, rows, request);
  const write = {
    samples: samplesOf(dataset, rows, request),
    format,
    out,
    media: asked,
    mediaRoot: dataset,
    render: request.render,
    lossy: request.lossy ?? false,
    guard: await projectOutputs(project, request),
    dryRun: request.dryRun ?? false,
    options: request.options,
    columnTypes: dataset.columnTypes,
    signal: request.signal,
  };
  // Two exports into one folder share the files beside the main one.
  const written =
    request.dryRun === true
      ? await writeDataset(write)
      : await withLock(project.locks, `export-${createHash('sha256').update(out).digest('hex').slice(0, 16)}`, () =>
          writeDataset(write),
        );
  const { mediaFiles, media: images, lost } = written;
  const isFolder = extname(out) === '';
  const { split } = request.options ?? {};
  const facts = {
    name,
    format,
    rows: written.rows,
    files: written.files,
    split: typeof split === 'string' ? split : undefined,
  };
  const card = request.dryRun === true || !isFolder ? [] : await writeCard(out, facts, write.guard);
  const files = [...written.files, ...card];
  const counts = fetched === undefined ? {} : { fetched };
  const result = { selection: name, format, out, files, rows: written.rows, images, mediaFiles, lost, ...counts };
  if (request.dryRun !== true)
    await project.record({ kind: 'export', name, about: { format, out, rows: result.rows, images } });
  return result;
}

/**
 * URLs of the selected rows, fetched into the project; what fails keeps its URL and is said with what could not be
 * written.
 */
async function fetchSelected(
  project: Project,
  dataset: Dataset,
  rows: readonly number[],
  { fetch, signal, progress }: ExportRequest,
): Promise<FetchCount | undefined> {
  if (fetch === undefined) return undefined;
  const urls = new Set<string>();
  for await (const { media } of samplesOf(dataset, rows, {}))
    for (const { path } of [...media.images, ...media.videos]) if (isRemote(path)) urls.add(path);
  const limits = signal === undefined ? fetch : { ...fetch, signal };
  const count = await project.media.fetchAll(urls, limits, (done, total) => progress?.(done, total, 'URLs fetched'));
  await project.record({ kind: 'fetch', name: dataset.name, about: { ...count } });
  return count;
}

async function* samplesOf(
  dataset: Dataset,
  rows: readonly number[],
  { progress }: ExportRequest,
): AsyncGenerator<Sample> {
  const block = 256;
  for (let start = 0; start < rows.length; start += block) {
    for (const sample of await dataset.get(rows.slice(start, start + block))) if (sample !== null) yield sample;
    progress?.(Math.min(start + block, rows.length), rows.length, 'samples');
  }
}

function rowInForce(dataset: Dataset, id: string, selection: string): number {
  const row = dataset.rowOf(id);
  if (row >= 0) return row;
  throw new WinnowError({
    code: 'SELECTION_STALE',
    message: `Sample "${id}" of selection "${selection}" is no longer in data set "${dataset.name}".`,
    where: { file: dataset.path, id },
    hint: 'Make the selection again: the data set was changed after it.',
  });
}
