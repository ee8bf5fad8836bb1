import { readFile } from 'node:fs/promises';
import type { Dataset } from '../../dataset/dataset.ts';
import { type ResolvedMedia, resolveMedia } from '../../dataset/media/media.ts';
import { openSharp } from '../../dataset/media/open-image.ts';

const EDGE = 160;
/** Pixels that a larger image is reduced to, twice as many as it is shown with. */
const REDUCED = 2 * EDGE;

/** A small picture of a sample's first image as a data URI; undefined where it can't be had. */
export async function thumbnail(dataset: Dataset, path: string, reduced = REDUCED): Promise<string | undefined> {
  try {
    return await makeThumbnail(resolveMedia(dataset, { path }), reduced);
  } catch {
    return undefined;
  }
}

/** A small picture as a data URI. Images below {@link EDGE} pixels stay whole: pages enlarge them with sharp pixels. */
export async function makeThumbnail(media: ResolvedMedia, reduced = REDUCED): Promise<string> {
  const bytes = media.kind === 'data' ? media.bytes : await readFile(media.path);
  const image = (await openSharp(bytes, { failOn: 'error', limitInputPixels: 178_956_970 })).rotate();
  const { width = 0, height = 0 } = await image.metadata();
  if (Math.max(width, height) < EDGE)
    return dataUri('image/png', await image.png({ palette: true, compressionLevel: 9 }).toBuffer());
  const jpeg = await image
    .resize(reduced, reduced, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#fff' })
    .jpeg({ quality: 70 })
    .toBuffer();
  return dataUri('image/jpeg', jpeg);
}

export function dataUri(mime: string, bytes: Buffer): string {
  return `data:${mime};base64,${bytes.toString('base64')}`;
}
