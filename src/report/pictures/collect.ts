import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, parse, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { type ResolvedMedia, resolveMedia } from '../../dataset/media/media.ts';
import { mediaExtension } from '../../dataset/media/media-type.ts';
import type { ReportPictures } from '../data.ts';
import { dataUri, makeThumbnail } from './thumbnails.ts';

/** Bytes of all pictures inside of the page at most, as they stand in it. */
const EMBEDDED_BYTES = 3_000_000;
/** Files up to this size go into the page as they are: decoding them would save nothing. */
const SMALL_FILE = 8_000;
/** Pictures that are reduced for the page at most: each takes tens of milliseconds. */
const MOST_REDUCED = 400;
/** Rows read at a time. */
const BATCH = 128;
/** Pictures of one sample at most. */
const PER_SAMPLE = 12;
/** What every browser shows, by the extension that the first bytes ask for. */
const MIME: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
};

type Picture = ReportPictures['list'][number];

export interface PicturesRequest {
  dataset: Dataset;
  /** Rows whose pictures the page shows, those that should be inside of it first. */
  rows: readonly number[];
  /** Folder that the page is written to: paths of linked pictures start there. */
  pageFolder: string;
  /** Folder for pictures that are no file of their own, or none that a browser shows. */
  cacheFolder: string;
  onProgress?: ((done: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The pictures of rows: reduced and inside of the page until {@link EMBEDDED_BYTES} are full, and every one as a link
 * to its file, relative to the page. A picture that can't be had carries the reason.
 */
export async function collectPictures(request: PicturesRequest): Promise<ReportPictures> {
  const { dataset, rows, onProgress, signal } = request;
  const known = new Map<string, number>();
  const list: Picture[] = [];
  const of: ReportPictures['of'] = {};
  const room = { bytes: EMBEDDED_BYTES, reductions: MOST_REDUCED };
  for (let start = 0; start < rows.length; start += BATCH) {
    signal?.throwIfAborted();
    onProgress?.(start, rows.length);
    const batch = rows.slice(start, start + BATCH);
    const pending: { at: number; path: string; isVideo: boolean }[] = [];
    for (const [i, sample] of (await dataset.get(batch)).entries()) {
      if (sample === null) continue;
      const media = [
        ...sample.media.images.map(({ path }) => ({ path, isVideo: false })),
        ...sample.media.videos.map(({ path }) => ({ path, isVideo: true })),
      ].slice(0, PER_SAMPLE);
      for (const { path, isVideo } of media) {
        const key = path.length > 300 ? digest(path) : path;
        let at = known.get(key);
        if (at === undefined) {
          at = list.push({}) - 1;
          known.set(key, at);
          pending.push({ at, path, isVideo });
        }
        of[batch[i]!] = [...(of[batch[i]!] ?? []), at];
      }
    }
    await Promise.all(
      pending.map(async ({ at, path, isVideo }) => {
        list[at] = await pictureOf(path, isVideo, room, request);
      }),
    );
  }
  onProgress?.(rows.length, rows.length);
  return { list, of };
}

async function pictureOf(
  path: string,
  isVideo: boolean,
  room: { bytes: number; reductions: number },
  request: PicturesRequest,
): Promise<Picture> {
  try {
    const media = resolveMedia(request.dataset, { path });
    if (isVideo) return { video: true, link: await videoLink(media, request) };
    const embedded = await embed(media, room);
    return { embedded, link: await link(media, request) };
  } catch (error) {
    return { video: isVideo || undefined, problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A picture for the page itself; undefined where there is no room left. Room is taken before anything is awaited for
 * long.
 */
async function embed(media: ResolvedMedia, room: { bytes: number; reductions: number }): Promise<string | undefined> {
  const size = media.kind === 'data' ? media.bytes.length : (await stat(media.path)).size;
  if (size <= SMALL_FILE) {
    if (room.bytes < 1.4 * size) return undefined;
    room.bytes -= Math.ceil(1.4 * size);
    const bytes = media.kind === 'data' ? media.bytes : await readFile(media.path);
    const mime = MIME[mediaExtension(bytes) ?? ''];
    if (mime !== undefined) return dataUri(mime, bytes);
  }
  if (room.reductions <= 0 || room.bytes <= 0) return undefined;
  room.reductions--;
  const uri = await makeThumbnail(media);
  if (room.bytes < uri.length) return undefined;
  room.bytes -= uri.length;
  return uri;
}

/** Where a browser finds the picture: its own file, else a copy in the project. */
async function link(media: ResolvedMedia, request: PicturesRequest): Promise<string> {
  if (media.kind === 'file' && /\.(jpe?g|jfif|png|gif|webp|avif|bmp)$/i.test(media.path))
    return addressOf(media.path, request.pageFolder);
  const bytes = media.kind === 'data' ? media.bytes : await readFile(media.path);
  const extension = mediaExtension(bytes) ?? '';
  const isShown = MIME[extension] !== undefined;
  const copy = join(request.cacheFolder, `${digest(bytes)}${isShown ? extension : '.jpg'}`);
  const isThere = await stat(copy).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await mkdir(request.cacheFolder, { recursive: true });
    await writeFileAtomic(copy, isShown ? bytes : Buffer.from((await makeThumbnail(media)).split(',')[1]!, 'base64'));
  }
  return addressOf(copy, request.pageFolder);
}

async function videoLink(media: ResolvedMedia, request: PicturesRequest): Promise<string | undefined> {
  return media.kind === 'file' ? addressOf(media.path, request.pageFolder) : undefined;
}

function digest(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

/** Address of a file as a page in `folder` names it: relative, so that both may move together. */
function addressOf(file: string, folder: string): string {
  const from = realFolder(folder);
  if (parse(file).root !== parse(from).root) return pathToFileURL(file).href;
  const path = relative(from, file).split(sep).map(encodeURIComponent).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}

function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}
