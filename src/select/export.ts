import { join } from 'node:path';
import type { Dataset } from '../dataset/dataset.ts';
import { WinnowError } from '../dataset/errors.ts';
import { formatNamed } from '../dataset/formats/registry.ts';
import type { Sample } from '../dataset/sample.ts';
import { type Loss, writeDataset } from '../dataset/write.ts';
import type { MediaMode } from '../dataset/write-media.ts';
import type { Project } from '../store/project.ts';
import { loadSelection } from '../store/selections.ts';
import { newestSelection } from './explain.ts';

export interface ExportRequest {
  /** @default the newest selection */
  selection?: string | undefined;
  /** Format name. @default the data set's own */
  format?: string | undefined;
  /** Folder or main file. @default `export/<selection>` in the project */
  out?: string | undefined;
  /** @default 'link' */
  images?: MediaMode;
  /** Write what the format can hold and report the rest. @default false */
  lossy?: boolean;
  /** Options of the format. */
  options?: Record<string, unknown>;
  /** Say what would be written, and write nothing. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

export interface ExportResult {
  selection: string;
  format: string;
  out: string;
  rows: number;
  files: string[];
  mediaFiles: number;
  images: MediaMode;
  lost: Loss[];
}

/** Rows are read in blocks, in the order of the data set, so that an export streams. */
async function* samplesOf(
  dataset: Dataset,
  rows: Int32Array,
  progress?: (done: number, total: number) => void,
): AsyncIterable<Sample> {
  for (let at = 0; at < rows.length; at += 1024) {
    const block = await dataset.get([...rows.subarray(at, at + 1024)]);
    for (const sample of block) if (sample !== null) yield sample;
    progress?.(Math.min(rows.length, at + 1024), rows.length);
  }
}

/** Write a selection in a trainer's format, in the order of the data set. */
export async function exportSelection(project: Project, request: ExportRequest): Promise<ExportResult> {
  const { images = 'link', lossy = false, options = {}, dryRun = false } = request;
  if (!['keep', 'link', 'copy', 'embed'].includes(images)) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: `Images are kept, linked, copied or embedded, got "${images}".`,
      hint: 'Use --images keep, link, copy or embed.',
      exitCode: 2,
    });
  }
  const name = request.selection ?? (await newestSelection(project));
  const selection = await loadSelection(project, name);
  const dataset = await project.dataset(selection.dataset.name);
  if (dataset.hash !== selection.dataset.hash) {
    throw new WinnowError({
      code: 'DATASET_CHANGED',
      message: `The data set "${dataset.name}" has changed since the selection "${name}" was made.`,
      hint: 'Score and select again.',
    });
  }
  const format = request.format ?? project.config().defaults.format ?? dataset.format;
  const out = request.out ?? join(project.folder, 'export', name);
  const rows = selection.kept.slice().sort();
  if (dryRun) {
    const write = { options, indent: 1 };
    const door = formatNamed(format);
    const losses = new Map<string, Loss>();
    for await (const sample of samplesOf(dataset, rows)) {
      for (const what of door.cannotHold(sample, write)) {
        const loss = losses.get(what) ?? { what, count: 0, ids: [] };
        loss.count++;
        if (loss.ids.length < 20) loss.ids.push(sample.id);
        losses.set(what, loss);
      }
    }
    return {
      selection: name,
      format,
      out,
      rows: rows.length,
      files: [],
      mediaFiles: 0,
      images,
      lost: [...losses.values()],
    };
  }
  const written = await writeDataset({
    samples: samplesOf(dataset, rows, (done, total) => request.progress?.(done, total, `export of ${name}`)),
    format,
    out,
    media: images,
    mediaRoot: dataset,
    options,
    lossy,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  await project.record({ kind: 'export', name, about: { format, out, rows: written.rows, images } });
  return {
    selection: name,
    format,
    out,
    rows: written.rows,
    files: written.files,
    mediaFiles: written.mediaFiles,
    images,
    lost: written.lost,
  };
}
