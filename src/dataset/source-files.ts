import { realpathSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import type { OutputRules } from '../base/files/output-guard.ts';
import type { Dataset } from './dataset.ts';
import { annotationNames } from './formats/vqa.ts';
import { isInside, resolveMedia } from './media/media.ts';
import { PARQUET_FILE, TAR_FILE } from './records/shard-files.ts';

/** The files of a data set, which no command may replace. */
export interface SourceFiles {
  /** For people: `data set "shapes"`. */
  label: string;
  /** Files, and folders of shards or images, that the data set is read from. */
  files: readonly string[];
  /** Media root and further folders of media. */
  mediaFolders: readonly string[];
  /** Real paths of all media that rows name; read once, when asked. Undefined where the data set can't be read. */
  media(): Promise<ReadonlySet<string> | undefined>;
}

/** What an opened data set is read from. */
export function sourceFiles(dataset: Dataset): SourceFiles {
  let media: Promise<ReadonlySet<string>> | undefined;
  return {
    label: `data set "${dataset.name}"`,
    files: dataset.path === '-' ? [] : readTogether(dataset.path, dataset.options),
    mediaFolders: [dataset.mediaRoot, ...(dataset.allow ?? [])],
    media: () => (media ??= namedMedia(dataset)),
  };
}

/** A data file with the files that are read together with it: annotations beside questions, files that options name. */
export function readTogether(path: string, options: Readonly<Record<string, unknown>>): string[] {
  const named = Object.values(options).filter((value): value is string => typeof value === 'string');
  const beside = [...annotationNames(path), ...named];
  return [path, ...beside.map((name) => resolve(dirname(path), name)).filter((file) => isThere(file))];
}

/** The rule by which {@link OutputRules} keep these data sets' files. */
export function keepSources(sources: readonly SourceFiles[]): NonNullable<OutputRules['keeps']> {
  return async (path, { quick = false } = {}) => {
    for (const { label, files } of sources)
      if (files.some((file) => isPartOf(path, file))) return `the source of ${label}`;
    if (quick) return undefined;
    for (const { label, mediaFolders, media } of sources) {
      if (!mediaFolders.some((folder) => isInside(real(path), real(folder)))) continue;
      const named = await media();
      if (named?.has(real(path)) ?? MEDIA_FILE.test(path)) return `an image or video of ${label}`;
    }
    return undefined;
  };
}

const MEDIA_FILE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|heic|mp4|webm|mov|mkv|avi)$/i;
const TABLE = /\.(json|jsonl|ndjson|csv|tsv)(\.(gz|zst))?$/i;

/**
 * True where both are one file, by whatever names (links, other case, `..`); or the first is one of the files that a
 * folder of shards or images is read from.
 */
function isPartOf(path: string, source: string): boolean {
  const [a, b] = [statSync(path, { throwIfNoEntry: false }), statSync(source, { throwIfNoEntry: false })];
  if (a === undefined || b === undefined) return false;
  if (a.ino === b.ino && a.dev === b.dev) return true;
  if (!b.isDirectory()) return false;
  const [file, folder] = [real(path), real(source)];
  const isNear = [folder, join(folder, 'data')].includes(dirname(file));
  if (isNear && [PARQUET_FILE, TAR_FILE, TABLE].some((ending) => ending.test(file))) return true;
  return MEDIA_FILE.test(extname(file)) && isInside(file, folder);
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return resolve(path);
  }
}

async function namedMedia(dataset: Dataset): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const { samples } of dataset.batches({ salvage: true })) {
    for (const { media } of samples.filter((sample) => sample !== null)) {
      for (const ref of [...media.images, ...media.videos]) {
        try {
          const place = resolveMedia(dataset, ref);
          if (place.kind === 'file') found.add(place.path);
        } catch {
          // What isn't there can't be replaced.
        }
      }
    }
  }
  return found;
}
