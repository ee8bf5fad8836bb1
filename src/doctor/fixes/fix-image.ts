import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Sharp } from 'sharp';
import { resolveMedia } from '../../dataset/media/media.ts';
import { mediaTypeOf } from '../../dataset/media/media-type.ts';
import type { Sample } from '../../dataset/sample.ts';
import { decodeImage } from '../../models/processing/decode.ts';
import type { DoctorContext, FixContext, Fixed } from '../checks/check.ts';
import { keyOf, shortPath } from '../media/collect.ts';
import type { Fault } from '../media/faults.ts';

/**
 * The fix of one check for the images of a row (`faulty` by `keyOf` their paths): a new file for each image with that
 * fault, or the row dropped. One new file has all of its image's faults fixed, so that nothing is encoded twice; the
 * fixes of the other checks then find nothing to do.
 */
export async function fixImages(
  sample: Sample,
  code: string,
  faulty: ReadonlyMap<string, readonly Fault[]>,
  context: DoctorContext,
  { store }: FixContext,
): Promise<Fixed | null> {
  const images = [...sample.media.images];
  const changes: { was: string; is: string }[] = [];
  for (const [place, { path }] of images.entries()) {
    const faults = faulty.get(keyOf(path)) ?? [];
    const asked = faults.find((fault) => fault.code === code && fault.fixable !== false);
    if (asked === undefined) continue;
    const name = shortPath(path);
    if (code === 'D108' || asked.remedy === 'drop') return { drop: true, was: `${name}: ${asked.detail}` };
    const fixed = await fixImage(path, faults, context);
    const stored = await store(fixed.bytes, fixed.extension);
    images[place] = { path: stored };
    changes.push({
      was: `${name}: ${faults.map(({ detail }) => detail).join('; ')}`,
      is: `${basename(stored)}: ${fixed.how}`,
    });
  }
  if (changes.length === 0) return null;
  const changed = { ...sample, media: { ...sample.media, images } };
  return { sample: changed, was: changes.map(({ was }) => was), is: changes.map(({ is }) => is) };
}

interface FixedImage {
  bytes: Uint8Array;
  extension: string;
  how: string;
}

async function fixImage(path: string, faults: readonly Fault[], context: DoctorContext): Promise<FixedImage> {
  const media = resolveMedia(context.dataset, { path });
  const bytes = media.kind === 'data' ? media.bytes : await readFile(media.path);
  const type = mediaTypeOf(bytes);
  const isSound = faults.every(({ code, remedy }) => code === 'D107' || (code === 'D103' && remedy === 'rename'));
  if (isSound && type !== undefined)
    return { bytes, extension: type.extensions[0]!, how: `renamed: it is ${type.name}` };
  const { image, how } = await uprightRgb(bytes, faults, context.maxPixels);
  // Lossy stays lossy, at a quality that is hard to tell; everything else keeps its pixels.
  return type?.name === 'JPEG'
    ? { bytes: await image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), extension: '.jpg', how }
    : { bytes: await image.png().toBuffer(), extension: '.png', how };
}

/** Upright, on white, first frame, 8-bit RGB, padded where the shape asks for it. */
async function uprightRgb(
  bytes: Uint8Array,
  faults: readonly Fault[],
  maxPixels: number,
): Promise<{ image: Sharp; how: string }> {
  const { default: sharp } = await import('sharp');
  const has = (code: string) => faults.some((fault) => fault.code === code);
  const how = [
    ...(has('D103') ? ['re-encoded'] : []),
    ...(has('D104') ? ['turned upright'] : []),
    ...(has('D105') ? ['flattened to RGB'] : []),
  ];
  const settings = { failOn: 'none', limitInputPixels: maxPixels, autoOrient: true } as const;
  let image = sharp(bytes, settings);
  const { space, hasProfile } = await image.metadata();
  if (space === 'cmyk' && hasProfile !== true) {
    // Without a profile inks have no agreed colours; Pillow's are what trainers see.
    const { data, width, height } = await decodeImage(bytes, { maxPixels });
    image = sharp(data, { raw: { width, height, channels: 3 } });
  }
  image = image.flatten({ background: '#fff' }).toColourspace('srgb');
  const strip = faults.find(({ remedy }) => remedy === 'pad');
  if (strip === undefined) return { image, how: how.join(', ') };
  const { data, info } = await image.png({ compressionLevel: 1 }).toBuffer({ resolveWithObject: true });
  const least = Math.max(LEAST_SIDE, Math.ceil(Math.max(info.width, info.height) / MOST_ASPECT));
  const [right, bottom] = [Math.max(0, least - info.width), Math.max(0, least - info.height)];
  // Right and below, so that coordinates in the answers stay where they are.
  image = sharp(data).extend({ right, bottom, background: '#fff' });
  return { image, how: [...how, `padded to ${info.width + right} x ${info.height + bottom}`].join(', ') };
}

/** Fits every known target: Qwen3-VL's patch, and the longest strip that Qwen takes. */
const LEAST_SIDE = 32;
const MOST_ASPECT = 200;
