import type { Metadata, Sharp } from 'sharp';
import { bmpHeader } from '../../dataset/media/bmp.ts';
import { mediaTypeOf } from '../../dataset/media/media-type.ts';
import { openSharp } from '../../dataset/media/open-image.ts';

/** What one decoding tells of an image, beside its pixels. */
export interface HeaderFacts {
  /** As stored, before the orientation is applied. */
  width: number;
  height: number;
  /** EXIF orientation, 1 to 8. */
  orientation: number;
  /** What it is instead of 8-bit RGB or grey, for people: `alpha channel`, `CMYK`. */
  modes: string[];
}

/** Standard deviation of a channel, of 255, below which a picture shows nothing. */
const FLAT = 2.5;
/** The small picture blurs noise away: what is duller than this is measured again at full size. */
const MAYBE_FLAT = 6;

/**
 * Open an image without decoding it; its size is judged by the caller. Throws what libvips says of a file that is none.
 * @param failOn `error`: truncated or unreadable. `warning`: also damaged blocks, which decoders fill in silently, and
 * mere untidiness.
 */
export async function openImage(
  bytes: Uint8Array,
  failOn: 'warning' | 'error' = 'error',
): Promise<{ image: Sharp; header: HeaderFacts }> {
  const image = await openSharp(bytes, { failOn, limitInputPixels: false, ignoreIcc: true, autoOrient: true });
  const metadata = await image.metadata();
  return {
    image,
    header: {
      width: metadata.width,
      height: metadata.pageHeight ?? metadata.height,
      orientation: metadata.orientation ?? 1,
      modes: modesOf(metadata, bytes),
    },
  };
}

/**
 * The image squeezed into `side` x `side` pixels of RGB, upright, on a background on which it shows: every byte of the
 * file is decoded for it.
 */
export async function smallPicture(image: Sharp, side: number): Promise<Uint8Array> {
  const white = await squeezed(image, side, '#fff');
  // What is drawn in white on nothing shows on black alone.
  if (deviation(white) > MAYBE_FLAT || !(await image.metadata()).hasAlpha) return white;
  const black = await squeezed(image, side, '#000');
  return deviation(black) > deviation(white) ? black : white;
}

async function squeezed(image: Sharp, side: number, background: string): Promise<Uint8Array> {
  const { data, info } = await image
    .clone()
    .resize(side, side, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .flatten({ background })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return data;
  const rgb = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) rgb.fill(data[i * info.channels]!, i * 3, i * 3 + 3);
  return rgb;
}

/**
 * True where the whole image is one colour, but for faint noise, on white and on black: no channel deviates by more
 * than 2.5 of 255.
 */
export async function isFlat(image: Sharp, small: Uint8Array): Promise<boolean> {
  return deviation(small) <= MAYBE_FLAT && (await isFlatOn(image, '#fff')) && (await isFlatOn(image, '#000'));
}

/** The background to lay an image on: white, or black where the image would be one colour on white. */
export async function backgroundOf(image: Sharp): Promise<'#fff' | '#000'> {
  if (!(await image.metadata()).hasAlpha || !(await isFlatOn(image, '#fff'))) return '#fff';
  return (await isFlatOn(image, '#000')) ? '#fff' : '#000';
}

async function isFlatOn(image: Sharp, background: string): Promise<boolean> {
  // `stats` looks at the file as it is stored: an alpha channel and 16 bit have to be taken out first.
  const plain = await image
    .clone()
    .flatten({ background })
    .toColourspace('srgb')
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { default: sharp } = await import('sharp');
  const { channels } = await sharp(plain).stats();
  return channels.every(({ stdev }) => stdev <= FLAT);
}

/** Largest standard deviation of a channel. */
function deviation(rgb: Uint8Array): number {
  const n = rgb.length / 3;
  return Math.max(
    ...[0, 1, 2].map((c) => {
      let [sum, squares] = [0, 0];
      for (let i = c; i < rgb.length; i += 3) {
        sum += rgb[i]!;
        squares += rgb[i]! ** 2;
      }
      return Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2));
    }),
  );
}

/** Grey of 8 bits isn't listed: every loader repeats it into RGB without a loss. */
function modesOf(metadata: Metadata, bytes: Uint8Array): string[] {
  const modes: string[] = [];
  if (mediaTypeOf(bytes)?.name === 'BMP' && bmpHeader(Buffer.from(bytes)).bits <= 8) modes.push('palette');
  if (metadata.isPalette || metadata.format === 'gif') modes.push('palette');
  if (metadata.hasAlpha && metadata.format !== 'gif')
    modes.push(metadata.isPalette ? 'a transparent colour in it' : 'alpha channel');
  if (metadata.space === 'cmyk') modes.push('CMYK');
  const depth = bitsOf(metadata);
  if (depth > 8) modes.push(`${depth} bits a channel`);
  const frames = Math.max(metadata.pages ?? 1, metadata.format === 'png' ? framesOfPng(bytes) : 1);
  if (frames > 1) modes.push(metadata.format === 'tiff' ? `${frames} pages` : `animated, ${frames} frames`);
  return modes;
}

function bitsOf(metadata: Metadata): number {
  if (metadata.depth === 'ushort' || metadata.depth === 'short') return 16;
  if (metadata.depth !== 'uchar' && metadata.depth !== 'char') return 32;
  return metadata.format === 'heif' ? (metadata.bitsPerSample ?? 8) : 8;
}

/** Frames of an animated PNG, from its `acTL` chunk, which stands before the first `IDAT`. 1: it is a still. */
function framesOfPng(bytes: Uint8Array): number {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= data.length; at += 12 + data.readUInt32BE(at)) {
    const type = data.toString('latin1', at + 4, at + 8);
    if (type === 'acTL' && at + 12 <= data.length) return data.readUInt32BE(at + 8);
    if (type === 'IDAT') return 1;
  }
  return 1;
}
