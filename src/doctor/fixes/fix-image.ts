import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Sharp } from 'sharp';
import { boxesOf, changeBoxes } from '../../dataset/boxes/boxes.ts';
import { moved, type Size } from '../../dataset/boxes/frames.ts';
import { drawnOn } from '../../dataset/boxes/move.ts';
import { cmykToRgb } from '../../dataset/media/cmyk.ts';
import { resolveMedia } from '../../dataset/media/media.ts';
import { shownSize, storedSize } from '../../dataset/media/media-size.ts';
import { mediaTypeOf } from '../../dataset/media/media-type.ts';
import { openSharp } from '../../dataset/media/open-image.ts';
import type { Sample } from '../../dataset/sample.ts';
import { fileFrameOf } from '../checks/box-frames.ts';
import type { DoctorContext, FixContext, Fixed } from '../checks/check.ts';
import { keyOf, shortPath } from '../media/collect.ts';
import { backgroundOf } from '../media/decode-facts.ts';
import { type Fault, MOST_ASPECT, SAFE_SIDE } from '../media/faults.ts';

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
  let after = sample;
  const changes: { was: string; is: string }[] = [];
  for (const [place, { path }] of sample.media.images.entries()) {
    const faults = faulty.get(keyOf(path)) ?? [];
    const asked = faults.find((fault) => fault.code === code && fault.fixable !== false);
    if (asked === undefined) continue;
    const name = shortPath(path);
    if (code === 'D108' || asked.remedy === 'drop') return { drop: true, was: `${name}: ${asked.detail}` };
    // What can't be decoded in full, or at all, is no picture to make another of.
    if (faults.some(({ remedy }) => remedy === 'drop')) continue;
    const follow = await boxesFollow(after, place, faults, context);
    if (follow === undefined) continue;
    const fixed = await fixImage(path, faults, context);
    const images = [...after.media.images];
    images[place] = { path: await store(fixed.bytes, fixed.extension) };
    after = { ...follow(fixed.size), media: { ...after.media, images } };
    changes.push({
      was: `${name}: ${faults.map(({ detail }) => detail).join('; ')}`,
      is: `${basename(images[place].path)}: ${fixed.how}`,
    });
  }
  if (changes.length === 0) return null;
  return { sample: after, was: changes.map(({ was }) => was), is: changes.map(({ is }) => is) };
}

interface FixedImage {
  bytes: Uint8Array;
  extension: string;
  how: string;
  /** Where it was padded. */
  size?: Size;
}

async function fixImage(path: string, faults: readonly Fault[], context: DoctorContext): Promise<FixedImage> {
  const media = resolveMedia(context.dataset, { path });
  const bytes = media.kind === 'data' ? media.bytes : await readFile(media.path);
  const type = mediaTypeOf(bytes);
  const isSound = faults.every(({ code, remedy }) => code === 'D107' || (code === 'D103' && remedy === 'rename'));
  if (isSound && type !== undefined)
    return { bytes, extension: type.extensions[0]!, how: `renamed: it is ${type.name}` };
  const { image, how, size } = await uprightRgb(bytes, faults, context.maxPixels);
  // Lossy stays lossy, at a quality that is hard to tell; everything else keeps its pixels.
  return type?.name === 'JPEG'
    ? { bytes: await image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), extension: '.jpg', how, size }
    : { bytes: await image.png().toBuffer(), extension: '.png', how, size };
}

/** Upright, on white, first frame, 8-bit RGB, padded where the shape asks for it. */
async function uprightRgb(
  bytes: Uint8Array,
  faults: readonly Fault[],
  maxPixels: number,
): Promise<{ image: Sharp; how: string; size?: Size }> {
  const { default: sharp } = await import('sharp');
  const has = (code: string) => faults.some((fault) => fault.code === code);
  const how = [
    ...(has('D103') ? ['re-encoded'] : []),
    ...(has('D104') ? ['turned upright'] : []),
    ...(has('D105') ? ['flattened to RGB'] : []),
  ];
  const settings = { failOn: 'none', limitInputPixels: maxPixels, autoOrient: true } as const;
  let image = await openSharp(bytes, settings);
  if ((await image.metadata()).space === 'cmyk') {
    const { data, width, height } = await cmykToRgb(image);
    image = sharp(data, { raw: { width, height, channels: 3 } });
  }
  image = image.flatten({ background: await backgroundOf(image) }).toColourspace('srgb');
  const strip = faults.find(({ remedy }) => remedy === 'pad');
  if (strip === undefined) return { image, how: how.join(', ') };
  const { data, info } = await image.png({ compressionLevel: 1 }).toBuffer({ resolveWithObject: true });
  const least = Math.max(SAFE_SIDE, Math.ceil(Math.max(info.width, info.height) / MOST_ASPECT));
  const [right, bottom] = [Math.max(0, least - info.width), Math.max(0, least - info.height)];
  // Right and below, so that pixels that the answers name stay where they are.
  image = sharp(data).extend({ right, bottom, background: '#fff' });
  const size = { width: info.width + right, height: info.height + bottom };
  return { image, size, how: [...how, `padded to ${size.width} x ${size.height}`].join(', ') };
}

/**
 * How a row's boxes follow an image that is made anew: a function of the size that it is padded to. Undefined where
 * they can't, because nothing says what they count; the image then stays what it is.
 */
async function boxesFollow(
  sample: Sample,
  place: number,
  faults: readonly Fault[],
  context: DoctorContext,
): Promise<((size: Size | undefined) => Sample) | undefined> {
  const boxes = boxesOf(sample).filter(({ image }) => image === undefined || image === place);
  const path = sample.media.images[place]!.path;
  const stored = boxes.length === 0 ? undefined : await storedSize(context.dataset, path);
  if (stored === undefined) return () => sample;
  const usual = fileFrameOf(context);
  if (stored.orientation !== 1 && drawnOn(boxes, stored, usual) !== 'shown') return undefined;
  if (!faults.some(({ remedy }) => remedy === 'pad')) return () => sample;
  const isKnown = boxes.every(({ image, frame = usual }) =>
    frame === 'pixels' ? true : image !== undefined && (frame === 'unit' || frame === 'thousand'),
  );
  if (!isKnown) return undefined;
  return (size) =>
    changeBoxes(sample, ({ box, image, frame = usual }) =>
      size === undefined || image !== place ? undefined : moved(box, frame!, shownSize(stored), size, 'grow'),
    );
}
