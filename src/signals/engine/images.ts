import pMap from 'p-map';
import type { Dataset, SampleBatch } from '../../dataset/dataset.ts';
import { resolveMedia } from '../../dataset/media/media.ts';
import type { ImageEncoder, LoadImage, RgbImage } from '../../models/types.ts';

/** How pictures become numbers, in process and by the worker alike: what the lineage says of a signal of images. */
export const IMAGES_AS_READ =
  'Pillow\'s convert("RGB"): first frame, transparency dropped, 16-bit grey clipped, no orientation or profile applied';

/** Why an image could not be had. */
export interface ImageFailure {
  code: string;
  reason: string;
}

/**
 * Decoder of the data set's images: a path of a sample to pixels, never outside the media root, never over the network.
 */
export function imageLoader(dataset: Dataset): LoadImage {
  return async (path) => {
    const { decodeImage } = await import('../../models/processing/decode.ts');
    const media = resolveMedia(dataset, { path });
    return decodeImage(media.kind === 'data' ? media.bytes : media.path);
  };
}

/** The first image of every row of a batch, each distinct path decoded once. */
export interface FirstImages {
  /** Distinct paths that were decoded, in order of first use. */
  readonly decoded: ReadonlyMap<string, RgbImage>;
  /** Path of row i's first image; undefined: it has none. */
  path(i: number): string | undefined;
  failure(i: number): ImageFailure | undefined;
}

/** Decode the first images of a batch, at most `inFlight` at a time. Failures are data, not exceptions. */
export async function firstImages(batch: SampleBatch, load: LoadImage, inFlight = 4): Promise<FirstImages> {
  const paths = batch.samples.map((sample) => sample?.media.images[0]?.path);
  const distinct = [...new Set(paths.filter((path) => path !== undefined))];
  const loadOrTell = (path: string): Promise<RgbImage | ImageFailure> =>
    load(path).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'IMAGE_UNREADABLE';
      return { code, reason: error instanceof Error ? error.message : String(error) };
    });
  const results = await pMap(distinct, loadOrTell, { concurrency: inFlight });
  const decoded = new Map<string, RgbImage>();
  const failed = new Map<string, ImageFailure>();
  distinct.forEach((path, i) => {
    const result = results[i]!;
    if ('data' in result) decoded.set(path, result);
    else failed.set(path, result);
  });
  return {
    decoded,
    path: (i) => paths[i],
    failure: (i) => (paths[i] === undefined ? undefined : failed.get(paths[i])),
  };
}

/** Rows of the batch that have an image, and its unit vector for each (rows x dim). */
export async function encodeFirstImages(
  batch: SampleBatch,
  images: FirstImages,
  encoder: ImageEncoder,
  signal?: AbortSignal,
): Promise<{ rows: number[]; vectors: Float32Array }> {
  const encoded = await encoder.encode([...images.decoded.values()], { signal });
  const slot = new Map([...images.decoded.keys()].map((path, j) => [path, j]));
  const rows = batch.samples.flatMap((_, i) => (slot.has(images.path(i) ?? '') ? [i] : []));
  const vectors = new Float32Array(rows.length * encoder.dim);
  rows.forEach((row, j) => {
    const at = slot.get(images.path(row)!)! * encoder.dim;
    vectors.set(encoded.subarray(at, at + encoder.dim), j * encoder.dim);
  });
  return { rows, vectors };
}
