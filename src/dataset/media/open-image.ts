import type { Sharp, SharpOptions } from 'sharp';
import { bmpHeader, decodeBmp } from './bmp.ts';
import { mediaTypeOf } from './media-type.ts';

/**
 * An image for sharp, which can't read bitmaps (BMP) itself: of one its pixels are given. Throws what is wrong with a
 * bitmap; all else is found when sharp decodes.
 */
export async function openSharp(bytes: Uint8Array, options: SharpOptions): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  if (mediaTypeOf(bytes)?.name !== 'BMP') return sharp(bytes, options);
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = bmpHeader(data);
  if (header.broken !== undefined) throw new Error(header.broken);
  const { width, height } = header;
  return sharp(decodeBmp(data, header), { raw: { width, height, channels: 3 }, limitInputPixels: false });
}
