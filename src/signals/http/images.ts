import { open, readFile } from 'node:fs/promises';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { resolveMedia } from '../../dataset/media/media.ts';
import { mediaTypeOf } from '../../dataset/media/media-type.ts';

/**
 * An image of the data set as a data URI: the file's own bytes, so that the server sees what training sees.
 * @throws WinnowError `IMAGE_TOO_LARGE`, `IMAGE_BROKEN` for what is no image, and those of `resolveMedia`
 */
export async function imageUri(dataset: Dataset, path: string, maxBytes: number): Promise<string> {
  const bytes = await imageBytes(dataset, path, maxBytes);
  const type = mediaTypeOf(bytes);
  if (type?.kind === 'image' && type.readers !== 'none')
    return `data:${type.mimes[0]};base64,${bytes.toString('base64')}`;
  throw new WinnowError({
    code: 'IMAGE_BROKEN',
    message: `"${path.slice(0, 120)}" is no image that a server can read.`,
    hint: 'Fix or drop the row.',
  });
}

/** A grey image (127, 127, 127) of the same size. */
export async function greyUri(dataset: Dataset, path: string, maxBytes: number): Promise<string> {
  const { decodeImage } = await import('../../models/processing/decode.ts');
  const { width, height } = await decodeImage(await imageBytes(dataset, path, maxBytes));
  const { default: sharp } = await import('sharp');
  const grey = sharp({ create: { width, height, channels: 3, background: { r: 127, g: 127, b: 127 } } });
  return `data:image/png;base64,${(await grey.png().toBuffer()).toString('base64')}`;
}

async function imageBytes(dataset: Dataset, path: string, maxBytes: number): Promise<Buffer> {
  const media = resolveMedia(dataset, { path });
  const size = media.kind === 'data' ? media.bytes.length : await sizeOf(media.path);
  if (size > maxBytes) {
    throw new WinnowError({
      code: 'IMAGE_TOO_LARGE',
      message: `An image of ${(size / 1e6).toFixed(1)} MB is not sent; the limit is ${maxBytes / 1e6} MB.`,
      hint: 'Give a larger --max-image-mb, or shrink the image.',
    });
  }
  return media.kind === 'data' ? media.bytes : readFile(media.path);
}

async function sizeOf(path: string): Promise<number> {
  await using file = await open(path);
  return (await file.stat()).size;
}
