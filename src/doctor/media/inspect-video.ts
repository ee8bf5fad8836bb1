import { type FileHandle, open, readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { isRemote, type MediaScope, resolveMedia } from '../../dataset/media/media.ts';
import { HEAD_BYTES, mediaKind, mediaTypeOf } from '../../dataset/media/media-type.ts';
import { missingReason } from './missing-reason.ts';
import { countAviFrames, countMatroskaFrames } from './video-chunks.ts';
import type { ReadRange, VideoFacts } from './video-facts.ts';
import { countMp4Frames } from './video-mp4.ts';

/**
 * Look at a video's container (MP4/MOV, Matroska/WebM, AVI, GIF, or a folder of frames): is it one, is it whole, how
 * many frames. The frames themselves aren't decoded. Reads the tables only, never the pictures. Never throws for what
 * is wrong with the video.
 */
export async function inspectVideo(scope: MediaScope, path: string): Promise<VideoFacts> {
  if (isRemote(path)) return {};
  let handle: FileHandle | undefined;
  try {
    const media = resolveMedia(scope, { path });
    if (media.kind === 'data') {
      const { bytes } = media;
      return await judge(async (offset, length) => bytes.subarray(offset, offset + length), bytes.length);
    }
    const file = await open(media.path, 'r');
    handle = file;
    const stat = await file.stat();
    if (stat.isDirectory())
      return { frames: (await readdir(media.path)).filter((name) => mediaKind(extname(name)) === 'image').length };
    if (!stat.isFile()) return { missing: 'it is not a regular file' };
    if (stat.size === 0) return { missing: 'the file is empty (0 bytes)' };
    return await judge(async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, stat.size - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    }, stat.size);
  } catch (error) {
    if (error instanceof WinnowError) return { missing: missingReason(scope, path, error) };
    return {
      unreadable: `the file can't be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
    };
  } finally {
    await handle?.close();
  }
}

/** A GIF is read whole for its frames; a larger one isn't counted. */
const MOST_GIF = 256 * 2 ** 20;

async function judge(read: ReadRange, size: number): Promise<VideoFacts> {
  const head = await read(0, HEAD_BYTES);
  const type = mediaTypeOf(head);
  switch (type?.name) {
    case 'MP4':
    case 'QuickTime':
      return countMp4Frames(read, size);
    case 'Matroska':
    case 'WebM':
      return countMatroskaFrames(read, size);
    case 'AVI':
      return countAviFrames(read, size);
    case 'GIF':
    case 'WebP':
      return size > MOST_GIF ? {} : countPages(await read(0, size));
    default:
      break;
  }
  if (type !== undefined) return { unreadable: `the content is no video but ${type.name}` };
  // A transport or elementary stream: known by their marks, not counted.
  if (head[0] === 0x47 && (head.length < 189 || head[188] === 0x47)) return {};
  if (head.readUIntBE(0, Math.min(3, head.length)) === 1 || head.toString('latin1', 0, 3) === 'FLV') return {};
  return { unreadable: `the content is no video: it begins with ${JSON.stringify(head.toString('latin1', 0, 12))}` };
}

async function countPages(bytes: Buffer): Promise<VideoFacts> {
  const { default: sharp } = await import('sharp');
  try {
    const { pages } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { frames: pages ?? 1 };
  } catch {
    return { unreadable: 'it has no frame that can be read' };
  }
}
