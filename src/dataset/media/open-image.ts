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

/**
 * A GIF whose first frame has colours where it is transparent: those of its palette, as Pillow's `convert('RGB')` has
 * them. libvips would leave nothing there.
 */
export function withoutTransparency(gif: Uint8Array): Uint8Array {
  const bytes = Buffer.from(gif);
  const flags = bytes[10] ?? 0;
  let at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  while (bytes[at] === 0x21) {
    const isControl = bytes[at + 1] === 0xf9;
    if (isControl && at + 3 < bytes.length) bytes[at + 3]! &= 0xfe;
    at += 2;
    while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at]!;
    at++;
  }
  return bytes;
}
