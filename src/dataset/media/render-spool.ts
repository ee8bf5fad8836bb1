import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { temporaryName } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import type { ResolvedMedia } from './media.ts';
import { mediaExtension } from './media-type.ts';
import { changesPixels, type RenderSettings, renderImage } from './render.ts';

/** An image as it will be written: a file that holds its bytes, and what it is known by. */
export interface Rendered {
  path: string;
  /** SHA-256 of the bytes, hexadecimal. */
  digest: string;
  /** With dot. */
  extension: string;
}

/** Renders images into a hidden folder beside the target, so that memory holds one at a time. */
export function renderer(folder: string, settings: RenderSettings) {
  const spool = temporaryName(join(folder, 'render'));
  return {
    async render(media: ResolvedMedia): Promise<Rendered> {
      const input = media.kind === 'data' ? media.bytes : media.path;
      const anew = changesPixels(settings) ? await renderImage(input, settings) : undefined;
      const bytes = anew?.bytes ?? (media.kind === 'data' ? media.bytes : await readFile(media.path));
      const digest = createHash('sha256').update(bytes).digest('hex');
      const own = media.kind === 'data' ? undefined : extname(media.path) || undefined;
      const extension =
        (isSame(own, anew?.extension) ? own : anew?.extension) ?? own ?? mediaExtension(bytes) ?? '.bin';
      if (anew === undefined && media.kind === 'file') return { path: media.path, digest, extension };
      const path = join(spool, `${digest}${extension}`);
      makeFolder(spool);
      await writeFile(path, bytes);
      return { path, digest, extension };
    },
    async close(): Promise<void> {
      rmSync(spool, { recursive: true, force: true });
    },
  };
}

/** `.JPEG` is as good a name as `.jpg`. */
function isSame(own: string | undefined, wanted: string | undefined): boolean {
  return own !== undefined && own.toLowerCase().replace('.jpeg', '.jpg') === wanted;
}
