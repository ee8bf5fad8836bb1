import type { Dataset } from '../dataset/dataset.ts';
import { resolveMedia } from '../dataset/media/media.ts';

const EDGE = 160;
/** Pixels that a larger image is reduced to, twice as many as it is shown with. */
const REDUCED = 2 * EDGE;

/**
 * A small picture of a sample's first image as a data URI; undefined where it can't be had. Small images are enlarged
 * with sharp pixels.
 */
export async function thumbnail(dataset: Dataset, path: string, reduced = REDUCED): Promise<string | undefined> {
  try {
    const media = resolveMedia(dataset, { path });
    const { default: sharp } = await import('sharp');
    const image = sharp(media.kind === 'data' ? media.bytes : media.path, {
      failOn: 'error',
      limitInputPixels: 178_956_970,
    }).rotate();
    const { width = 0, height = 0 } = await image.metadata();
    if (Math.max(width, height) < EDGE) {
      const png = await image.png({ palette: true, compressionLevel: 9 }).toBuffer();
      return `data:image/png;base64,${png.toString('base64')}`;
    }
    const jpeg = await image
      .resize(reduced, reduced, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#fff' })
      .jpeg({ quality: 70 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
  } catch {
    return undefined;
  }
}
