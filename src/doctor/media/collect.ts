import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import pMap from 'p-map';
import type { Dataset } from '../../dataset/dataset.ts';
import type { ScannedRow } from '../../dataset/index/scan.ts';
import type { DoctorContext } from '../checks/check.ts';
import { type ImageFacts, type InspectOptions, inspectImage } from './inspect-image.ts';
import { inspectVideo } from './inspect-video.ts';
import type { VideoFacts } from './video-facts.ts';

/** One distinct medium of a data set. */
export interface Medium {
  kind: 'image' | 'video';
  /** `keyOf` its path. */
  key: string;
  /** Absent for a data URI, which is read from its row again. */
  path?: string;
  /** First row that uses it, and its place among that row's media. */
  row: number;
  place: number;
}

/** What a medium is known by: its path, or the SHA-256 of a data URI. */
export function keyOf(path: string): string {
  return isData(path) ? createHash('sha256').update(path).digest('base64') : path;
}

/** A path for people: of a data URI its beginning. */
export function shortPath(path: string): string {
  return isData(path) ? `${path.slice(0, 40)}...` : path;
}

const isData = (path: string): boolean => /^data:/i.test(path);

/** Which rows use which media, gathered while the rows pass by; then every distinct medium is inspected once. */
export interface MediaCollection {
  /**
   * Note a row's media. A row that was noted already is left alone, so that several groups of checks may share this.
   */
  add(row: ScannedRow): void;
  readonly media: readonly Medium[];
  /** Rows that have a sample, in order. */
  readonly rows: readonly number[];
  /** Numbers of the media of the row at a place of `rows`: images, then videos. */
  mediaOf(index: number): readonly number[];
  /** The id to report a row by. */
  idOf(row: number): string;
  /** Inspect all of them, several at a time; made once. */
  inspect(options: CollectOptions): Promise<Inspected>;
}

interface CollectOptions extends InspectOptions {
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** Facts by number of the medium. */
export interface Inspected {
  images: readonly (ImageFacts | undefined)[];
  videos: readonly (VideoFacts | undefined)[];
}

const shared = new WeakMap<DoctorContext, MediaCollection>();

/** The one collection of an examination, shared by all groups that look at media. */
export function mediaOf(context: DoctorContext): MediaCollection {
  let collection = shared.get(context);
  if (collection === undefined) {
    collection = collectMedia(context.dataset);
    shared.set(context, collection);
  }
  return collection;
}

/** @param dataset whose rows will be added. */
export function collectMedia(dataset: Dataset): MediaCollection {
  const media: Medium[] = [];
  const numbers = new Map<string, number>();
  const rows: number[] = [];
  const starts: number[] = [0];
  const used: number[] = [];
  const ownIds = new Map<number, string>();
  let inspected: Promise<Inspected> | undefined;

  const number = (kind: Medium['kind'], path: string, row: number, place: number): number => {
    const key = keyOf(path);
    let found = numbers.get(`${kind} ${key}`);
    if (found === undefined) {
      found = media.length;
      numbers.set(`${kind} ${key}`, found);
      media.push({ kind, key, row, place, path: isData(path) ? undefined : path });
    }
    return found;
  };
  return {
    media,
    rows,
    mediaOf: (index) => used.slice(starts[index], starts[index + 1]),
    idOf: (row) => ownIds.get(row) ?? dataset.ids[row]!,
    add({ row, id, ownId, sample }) {
      if (sample === null || (rows.length > 0 && row <= rows.at(-1)!)) return;
      rows.push(row);
      if (typeof ownId === 'string' && ownId !== id) ownIds.set(row, ownId);
      for (const [place, { path }] of sample.media.images.entries()) used.push(number('image', path, row, place));
      for (const [place, { path }] of sample.media.videos.entries()) used.push(number('video', path, row, place));
      starts.push(used.length);
    },
    inspect(options) {
      inspected ??= inspectAll(dataset, media, options);
      return inspected;
    },
  };
}

/** Decoding is libvips' work on its own threads; this many are kept busy, reading included. */
const IN_FLIGHT = availableParallelism() + 2;

async function inspectAll(dataset: Dataset, media: readonly Medium[], options: CollectOptions): Promise<Inspected> {
  const { signal, progress } = options;
  await quietVips();
  const images: (ImageFacts | undefined)[] = [];
  const videos: (VideoFacts | undefined)[] = [];
  let done = 0;
  const inspect = async (medium: Medium, number: number): Promise<void> => {
    const path = await pathOfMedium(dataset, medium);
    if (path !== undefined && medium.kind === 'video') videos[number] = await inspectVideo(dataset, path);
    else if (path !== undefined) images[number] = await inspectImage(dataset, path, options);
    progress?.(++done, media.length, 'examining media');
  };
  await pMap(media, inspect, { concurrency: IN_FLIGHT, signal });
  for (const [number, medium] of media.entries()) {
    if (images[number]?.isDoubtful !== true) continue;
    signal?.throwIfAborted();
    const path = await pathOfMedium(dataset, medium);
    if (path !== undefined) images[number] = await inspectImage(dataset, path, { ...options, isAlone: true });
  }
  return { images, videos };
}

/** Path of a medium as its row has it, the whole data URI of an embedded one; undefined: the row can't be read. */
export async function pathOfMedium(dataset: Dataset, { kind, path, row, place }: Medium): Promise<string | undefined> {
  if (path !== undefined) return path;
  const [sample] = await dataset.get([row]);
  return (kind === 'image' ? sample?.media.images : sample?.media.videos)?.[place]?.path;
}

/** Every image is opened once, so libvips' cache holds nothing of use; and one image is one thread's work. */
async function quietVips(): Promise<void> {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
}
