import { open } from 'node:fs/promises';
import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { WinnowError } from '../../base/errors.ts';
import { bmpHeader, decodeBmp } from '../../dataset/media/bmp.ts';
import { cmykToRgb } from '../../dataset/media/cmyk.ts';
import { type OpaqueGif, opaqueGif } from '../../dataset/media/gif.ts';
import { damageOf } from '../../dataset/media/media-damage.ts';
import { mediaTypeOf } from '../../dataset/media/media-type.ts';
import type { RgbImage } from '../types.ts';

export interface DecodeOptions {
  /** Largest file in bytes. @default 128 MiB */
  maxBytes?: number;
  /** Largest image in pixels; the default is where Pillow refuses a decompression bomb. @default 178956970 */
  maxPixels?: number;
}

const MAX_BYTES = 128 * 2 ** 20;
const MAX_PIXELS = 178_956_970;

/**
 * Decodes an image to RGB, 8 bit, as `PIL.Image.open(path).convert('RGB')` does, which is what trainers feed to a
 * processor: the EXIF orientation is not applied, an alpha channel is dropped and not blended (a transparent colour of
 * a palette is the colour that the palette has), a colour profile is ignored, CMYK is inverted without a profile,
 * 16-bit colour keeps its high byte, and of an animation the first frame is taken. No shrink-on-load: resizing is the
 * processor's.
 * @param source a path, a `data:` URI, or the bytes of a file.
 * @throws WinnowError `IMAGE_MISSING`, `IMAGE_TOO_LARGE`, or `IMAGE_BROKEN` (truncated, damaged, or no image at all).
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const file = typeof source === 'string' ? (source.startsWith('data:') ? 'data URI' : source) : undefined;
  const bytes = typeof source === 'string' ? await readBytes(source, options.maxBytes ?? MAX_BYTES) : source;
  if (bytes.length === 0) throw broken('the file is empty', file);
  const maxPixels = options.maxPixels ?? MAX_PIXELS;
  const { default: sharp } = await import('sharp');
  // Pixels are limited below, with our own message; `error` takes what Pillow takes: warnings pass, truncation doesn't.
  const settings: SharpOptions = { failOn: 'error', limitInputPixels: false, ignoreIcc: true, autoOrient: false };
  try {
    const type = mediaTypeOf(bytes)?.name;
    const limit = (width: number, height: number): void => {
      if (width * height > maxPixels) throw tooLarge(`${width} x ${height} pixels`, `${maxPixels} pixels`, file);
    };
    if (type === 'BMP') return bitmap(bytes, limit, file);
    const gif = type === 'GIF' ? opaqueGif(bytes) : undefined;
    const image = sharp(gif?.bytes ?? bytes, settings);
    const metadata = await image.metadata();
    limit(metadata.width, metadata.pageHeight ?? metadata.height);
    const pixels = await rgb(image, metadata, type === 'PNG' && isGrey16(bytes));
    if (gif !== undefined) paintGround(pixels, gif);
    return pixels;
  } catch (error) {
    if (error instanceof WinnowError) throw error;
    throw broken(damageOf(bytes), file, error);
  }
}

function bitmap(bytes: Uint8Array, limit: (width: number, height: number) => void, file: string | undefined): RgbImage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = bmpHeader(data);
  const { width, height } = header;
  if (header.broken !== undefined) throw broken(header.broken, file);
  limit(width, height);
  return { width, height, data: decodeBmp(data, header) };
}

/** Whether a PNG's header says grey of 16 bits; a colour that counts as transparent (`tRNS`) changes nothing. */
function isGrey16(png: Uint8Array): boolean {
  return png[24] === 16 && png[25] === 0;
}

/** Gives what lies outside of a GIF's first frame its colour. */
function paintGround({ data, width, height }: RgbImage, { ground, frame }: OpaqueGif): void {
  const [left, top, wide, tall] = frame;
  for (let y = 0; y < height; y++) {
    const isInside = y >= top && y < top + tall;
    for (let x = 0; x < width; x++) {
      if (!isInside || x < left || x >= left + wide) data.set(ground, 3 * (y * width + x));
    }
  }
}

async function rgb(image: Sharp, metadata: Metadata, isGreyPng: boolean): Promise<RgbImage> {
  if (metadata.space === 'cmyk') return cmykToRgb(image);
  if (isGreyPng || (metadata.space === 'grey16' && !metadata.hasAlpha)) return grey16(image);
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const plain = new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (channels === 3) return { width, height, data: plain };
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) out.fill(plain[i * channels]!, i * 3, i * 3 + 3);
  return { width, height, data: out };
}

/** Pillow reads 16-bit grey as integers and clips them to 255 instead of scaling them. */
async function grey16(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .pipelineColourspace('grey16')
    .toColourspace('grey16')
    .extractChannel(0)
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const values = new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) out.fill(Math.min(255, values[i]!), i * 3, i * 3 + 3);
  return { width, height, data: out };
}

async function readBytes(source: string, maxBytes: number): Promise<Uint8Array> {
  if (source.startsWith('data:')) {
    const comma = source.indexOf(',');
    if (comma < 0) throw broken('a data URI without a comma', 'data URI');
    const body = source.slice(comma + 1);
    return source.slice(0, comma).endsWith(';base64')
      ? Buffer.from(body, 'base64')
      : Buffer.from(decodeURIComponent(body));
  }
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(source, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new WinnowError({
      code: 'IMAGE_MISSING',
      message: code === 'ENOENT' ? 'The image file does not exist.' : `The image file cannot be opened (${code}).`,
      where: { file: source },
      hint: 'Check the path and the media root of the data set.',
      cause: error,
    });
  }
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw tooLarge(`${size} bytes`, `${maxBytes} bytes`, source);
    return await handle.readFile();
  } catch (error) {
    if (error instanceof WinnowError) throw error;
    throw broken((error as Error).message, source, error);
  } finally {
    await handle.close();
  }
}

function tooLarge(got: string, limit: string, file: string | undefined): WinnowError {
  return new WinnowError({
    code: 'IMAGE_TOO_LARGE',
    message: `The image has ${got}; the limit is ${limit}.`,
    where: file === undefined ? undefined : { file },
    hint: 'Shrink the image or raise the limit.',
  });
}

function broken(reason: string, file: string | undefined, cause?: unknown): WinnowError {
  return new WinnowError({
    code: 'IMAGE_BROKEN',
    message: `The image cannot be decoded: ${reason}`,
    where: file === undefined ? undefined : { file },
    hint: 'Replace the file or drop the row.',
    cause,
  });
}
