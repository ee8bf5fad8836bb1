import { type MediaScope, resolveMedia } from './media.ts';

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
    const { width, height, orientation = 1 } = await sharp(media.kind === 'data' ? media.bytes : media.path).metadata();
    return { width, height, orientation };
  } catch {
    return undefined;
  }
}
