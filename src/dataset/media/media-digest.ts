import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { WinnowError } from '../../base/errors.ts';
import type { MediaRef } from '../sample.ts';
import { type MediaScope, resolveMedia } from './media.ts';

/** How a medium is known: by its place, and by its bytes where they can be read. */
export interface MediaKeys {
  /** Real path, URL, or digest of an embedded medium. */
  place: string;
  /** SHA-256 of the bytes; absent where they can't be read. */
  content?: string;
}

/** Asks each file once. Media that are missing, remote or outside of the media root are known by their place alone. */
export function createMediaDigests(): (scope: MediaScope, ref: MediaRef) => Promise<MediaKeys> {
  const contents = new Map<string, Promise<string | undefined>>();
  return async (scope, ref) => {
    try {
      const media = resolveMedia(scope, ref);
      if (media.kind === 'data') {
        const content = createHash('sha256').update(media.bytes).digest('hex');
        return { place: content, content };
      }
      let content = contents.get(media.path);
      if (content === undefined) {
        content = digestFile(media.path).catch(() => undefined);
        contents.set(media.path, content);
      }
      const digest = await content;
      return digest === undefined ? { place: media.path } : { place: media.path, content: digest };
    } catch (error) {
      if (!(error instanceof WinnowError)) throw error;
      return { place: error.code === 'MEDIA_REMOTE' ? ref.path : `${scope.mediaRoot}\0${ref.path}` };
    }
  };
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
