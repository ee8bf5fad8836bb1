import { readFile } from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import { cmykToRgb } from './cmyk.ts';
import { damageOf } from './media-damage.ts';
import { type StoredSize, shownSize } from './media-size.ts';
import { openSharp } from './open-image.ts';

/** Decompression bombs end here: 179 million pixels, as Pillow's own limit. */
const MAX_INPUT_PIXELS = 178_956_970;

/** How images are written anew. One schema for every verb that writes data sets, on the command line and in the API. */
export const RenderOptions = z.strictObject({
  bake: z
    .boolean()
    .default(false)
    .describe(
      'turn images upright by their EXIF orientation and make them 8-bit RGB (transparency on white, first frame)',
    ),
  maxPixels: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('shrink larger images to this many pixels, keeping their aspect; bakes'),
  encode: z.enum(['jpeg', 'png', 'webp']).optional().describe('write every image in this format; bakes'),
  quality: z.coerce.number().int().min(1).max(100).default(92).describe('of jpeg and webp, 1 to 100'),
  boxes: z
    .enum(['pixels', 'thousand', 'unit'])
    .optional()
    .describe('frame of the boxes in texts, where rows do not say it: they move with images that are resized'),
  rename: z.enum(['content']).optional().describe('name images by the SHA-256 of their content'),
});
export type RenderOptions = z.input<typeof RenderOptions>;
export type RenderSettings = z.output<typeof RenderOptions>;

/** The settings that were asked for; undefined where nothing was. Throws `OPTION_INVALID`. */
export function renderSettings(given: RenderOptions | undefined): RenderSettings | undefined {
  if (given === undefined) return undefined;
  const read = RenderOptions.safeParse(given);
  if (!read.success) {
    const issue = read.error.issues[0]!;
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: `Render option ${issue.path.join('.')}: ${issue.message}`,
      hint: 'See the options of "winnow export --help".',
      exitCode: 2,
    });
  }
  if (given.quality !== undefined && !changesPixels(read.data)) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: 'A quality is given, but no image is encoded.',
      hint: 'Say what is to be done as well: --encode, --max-pixels or --bake.',
      exitCode: 2,
    });
  }
  return changesPixels(read.data) || read.data.rename !== undefined ? read.data : undefined;
}

/** Whether images are decoded at all, or just named anew. */
export function changesPixels({ bake, maxPixels, encode }: RenderSettings): boolean {
  return bake || maxPixels !== undefined || encode !== undefined;
}

const EXTENSION = { jpeg: '.jpg', png: '.png', webp: '.webp' } as const;
type Encoding = keyof typeof EXTENSION;

/**
 * An image upright, as 8-bit sRGB without transparency, within the pixel budget, encoded as asked (else as it was; what
 * trainers don't read becomes PNG). Undefined where all of that is so already: its own bytes are the best copy.
 * The same input gives the same bytes. Throws `MEDIA_UNREADABLE`.
 */
export async function renderImage(
  input: string | Uint8Array,
  { maxPixels, encode, quality }: RenderSettings,
): Promise<{ bytes: Buffer; extension: string } | undefined> {
  try {
    const bytes = typeof input === 'string' ? await readFile(input) : input;
    const image = await openSharp(bytes, { failOn: 'error', limitInputPixels: MAX_INPUT_PIXELS });
    const {
      format,
      width,
      height,
      channels,
      depth,
      hasAlpha,
      orientation = 1,
      pages = 1,
      space,
      icc,
    } = await image.metadata();
    const target: Encoding = encode ?? (isEncoding(format) ? format : 'png');
    const tooMany = maxPixels !== undefined && width * height > maxPixels;
    const isPlain = channels === 3 && depth === 'uchar' && !hasAlpha && space === 'srgb' && icc === undefined;
    if (isPlain && orientation === 1 && pages === 1 && !tooMany && target === format) return undefined;
    const upright = space === 'cmyk' ? await plainCmyk(image.autoOrient()) : image.autoOrient();
    let out = upright.flatten({ background: '#ffffff' }).toColourspace('srgb');
    if (tooMany) {
      const to = renderedSize({ width, height, orientation }, { maxPixels });
      out = out.resize(to.width, to.height, { fit: 'fill' });
    }
    if (target === 'jpeg') out = out.jpeg({ quality, chromaSubsampling: quality >= 90 ? '4:4:4' : '4:2:0' });
    else if (target === 'webp') out = out.webp({ quality });
    else out = out.png({ compressionLevel: 9 });
    return { bytes: await out.toBuffer(), extension: EXTENSION[target] };
  } catch (cause) {
    throw new WinnowError({
      code: 'MEDIA_UNREADABLE',
      message: `An image can't be decoded: ${damageOf(typeof input === 'string' ? await readFile(input) : input)}.`,
      hint: 'Run "winnow doctor" on the data set.',
      cause,
    });
  }
}

/** Inks as the colours that trainers see, which know no profile. */
async function plainCmyk(image: Sharp): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  const { width, height, data } = await cmykToRgb(image);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function isEncoding(format: string | undefined): format is Encoding {
  return format !== undefined && format in EXTENSION;
}

/** The size that an image has once it is upright and within the pixel budget. */
export function renderedSize(
  stored: StoredSize,
  { maxPixels }: Pick<RenderSettings, 'maxPixels'>,
): { width: number; height: number } {
  const { width, height } = shownSize(stored);
  if (maxPixels === undefined || width * height <= maxPixels) return { width, height };
  const [w, h] = within(width, height, maxPixels);
  return { width: w, height: h };
}

/** The largest size of nearly this aspect that has no more pixels; a side is never less than 1. */
function within(width: number, height: number, maxPixels: number): [number, number] {
  const scale = Math.sqrt(maxPixels / (width * height));
  const side = (length: number): number => Math.min(maxPixels, Math.max(1, Math.floor(length * scale)));
  const [w, h] = [side(width), side(height)];
  return [Math.min(w, Math.floor(maxPixels / h)), Math.min(h, Math.floor(maxPixels / w))];
}
