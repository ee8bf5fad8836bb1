import type { Sharp } from 'sharp';

/** Pixels as RGB of 8 bits, three bytes each. */
export interface RgbPixels {
  width: number;
  height: number;
  data: Uint8Array;
}

/**
 * A CMYK image as Pillow converts it, whatever profile it has: every ink takes its share of what black leaves. Colour
 * management would give other colours than the trainers' `convert('RGB')` does, by 23 of 255 in the mean.
 */
export async function cmykToRgb(image: Sharp): Promise<RgbPixels> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const left = 255 - data[i * channels + 3]!;
    for (let c = 0; c < 3; c++) {
      const t = data[i * channels + c]! * left + 128;
      out[i * 3 + c] = left - ((t + (t >> 8)) >> 8);
    }
  }
  return { width, height, data: out };
}
