import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type MediaScope, resolveMedia } from '../../dataset/media/media.ts';
import type { CloseUp } from '../near-duplicates/near-duplicate-images.ts';
import { CLOSE_SIDE } from '../near-duplicates/same-picture.ts';
import { backgroundOf, openImage, smallPicture } from './decode-facts.ts';

/**
 * A second look at an image that was decoded before. @param path of the image in the data set; undefined: it is gone
 */
export function closeUpOf(scope: MediaScope, path: () => Promise<string | undefined>): CloseUp {
  const look = async <T>(how: (bytes: Buffer) => Promise<T>): Promise<T | undefined> => {
    try {
      const given = await path();
      if (given === undefined) return undefined;
      const media = resolveMedia(scope, { path: given });
      return await how(media.kind === 'data' ? media.bytes : await readFile(media.path));
    } catch {
      // It was readable a moment ago; what has gone since is no duplicate.
      return undefined;
    }
  };
  return {
    picture: () =>
      look(async (bytes) => ({
        side: CLOSE_SIDE,
        channels: 3,
        data: await smallPicture((await openImage(bytes)).image, CLOSE_SIDE),
      })),
    pixels: () =>
      look(async (bytes) => {
        const { image } = await openImage(bytes);
        const { data, info } = await image
          .clone()
          .flatten({ background: await backgroundOf(image) })
          .toColourspace('srgb')
          .raw({ depth: 'uchar' })
          .toBuffer({ resolveWithObject: true });
        return createHash('sha256').update(`${info.width}x${info.height}x${info.channels} `).update(data).digest('hex');
      }),
  };
}
