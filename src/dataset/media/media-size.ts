import { open } from 'node:fs/promises';
import { bmpHeader } from './bmp.ts';
import { type MediaScope, resolveMedia } from './media.ts';
import { HEAD_BYTES, mediaTypeOf } from './media-type.ts';

/** An image's size as stored, and its EXIF orientation (1 to 8). */
export interface StoredSize {
  width: number;
  height: number;
  orientation: number;
}

/** Width and height as shown: after the EXIF rotation. */
export function shownSize({ width, height, orientation }: StoredSize): { width: number; height: number } {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Size and orientation from the header, without decoding; undefined for what can't be read. */
export async function storedSize(scope: MediaScope, path: string): Promise<StoredSize | undefined> {
  const { default: sharp } = await import('sharp');
  try {
    const media = resolveMedia(scope, { path });
    const head = media.kind === 'data' ? media.bytes : await firstBytes(media.path, HEAD_BYTES);
    if (mediaTypeOf(head)?.name === 'BMP') {
      const { width, height } = bmpHeader(head);
      return width > 0 ? { width, height, orientation: 1 } : undefined;
    }
    const { width, height, orientation = 1 } = await sharp(media.kind === 'data' ? media.bytes : media.path).metadata();
    return { width, height, orientation };
  } catch {
    return undefined;
  }
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
