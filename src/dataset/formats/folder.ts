import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, posix } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { parseExact } from '../exact-number.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import { mediaKind } from '../media/media-type.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, rowError } from './build.ts';
import { captionTurns, exchangeLimits } from './caption.ts';
import { parseCsv } from './csv.ts';
import { metaClashes } from './limits.ts';

const isImage = (name: string): boolean => mediaKind(extname(name)) === 'image';
const SIDECARS = ['metadata.csv', 'metadata.jsonl', 'captions.jsonl', 'captions.json'];

/**
 * A folder of images: every image is a sample. A caption comes from `<image name>.txt`, or from `metadata.csv` /
 * `metadata.jsonl` / `captions.jsonl` (`file_name` with `text` or `caption`) / `captions.json` ({file: caption}), at
 * the top or in a subfolder; it becomes the answer to
 * "Describe the image.". Without one the sample holds the image alone. A subfolder is the sample's `meta.category`.
 */
export const folder: Format = {
  name: 'folder',
  title: 'folder of images',
  container: 'folder',
  extension: '',

  sniff(probe: Probe) {
    if (!probe.isFolder) return { confidence: 0, because: 'not a folder' };
    const images = probe.entries.filter((name) => isImage(name)).length;
    if (images > 0) return { confidence: 0.8, because: 'a folder with images' };
    return { confidence: 0.4, because: 'a folder' };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record) || typeof record.image !== 'string')
      return rowError(context, 'RECORD_SHAPE', 'no image path');
    const { image, caption, category, columns } = record;
    const messages = captionTurns(typeof caption === 'string' ? caption : undefined);
    const meta = { ...(isObject(columns) ? columns : {}), ...(typeof category === 'string' ? { category } : {}) };
    return { ok: true, sample: { id: image, messages, media: { images: [{ path: image }], videos: [] }, meta } };
  },

  write(sample: Sample) {
    const image = sample.media.images[0];
    if (image === undefined) return [];
    const answer = sample.messages.find((message) => message.role === 'assistant');
    const text = answer?.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
    const { category, ...columns } = sample.meta;
    return [
      {
        file_name: image.path,
        ...(text === undefined ? {} : { text }),
        ...(category === undefined ? {} : { category }),
        ...columns,
      },
    ];
  },

  cannotHold: (sample: Sample) => [
    ...exchangeLimits(sample, 'caption'),
    ...metaClashes(sample.meta, ['file_name', 'text', 'caption']),
  ],

  async listFolder(path: string) {
    const images: string[] = [];
    const texts = new Set<string>();
    const sidecars: string[] = [];
    await walk(path, '', { images, texts, sidecars });
    images.sort();
    const captions = await readCaptions(path, sidecars.sort());
    return Promise.all(
      images.map(async (image) => {
        const sidecar = `${image.slice(0, image.length - extname(image).length)}.txt`;
        const columns = captions.get(image) ?? {};
        const { text, caption, ...others } = columns;
        const told = texts.has(sidecar) ? (await readFile(join(path, sidecar), 'utf8')).trim() : (text ?? caption);
        const category = dirname(image) === '.' ? undefined : basename(dirname(image));
        return {
          image,
          ...(told === undefined ? {} : { caption: told }),
          ...(category === undefined ? {} : { category }),
          columns: others,
        };
      }),
    );
  },
};

interface Found {
  images: string[];
  texts: Set<string>;
  sidecars: string[];
}

async function walk(root: string, at: string, found: Found): Promise<void> {
  const entries: Dirent[] = await readdir(join(root, at), { withFileTypes: true });
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = at === '' ? entry.name : `${at}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, found);
    else if (isImage(entry.name)) found.images.push(path);
    else if (entry.name.endsWith('.txt')) found.texts.add(path);
    else if (SIDECARS.includes(entry.name)) found.sidecars.push(path);
  }
}

async function readCaptions(root: string, sidecars: readonly string[]): Promise<Map<string, JsonObject>> {
  const captions = new Map<string, JsonObject>();
  for (const name of sidecars) {
    const at = dirname(name) === '.' ? '' : `${dirname(name)}/`;
    const text = (await readFile(join(root, name), 'utf8')).replace(/^\uFEFF/, '');
    try {
      for (const row of rowsOf(name, text)) addCaption(captions, at, row);
    } catch (cause) {
      throw new WinnowError({
        code: 'CAPTIONS_DAMAGED',
        message: `The captions can't be read: ${(cause as Error).message}`,
        where: { file: join(root, name) },
        hint: 'Fix or remove this file.',
        cause,
      });
    }
  }
  return captions;
}

function rowsOf(name: string, text: string): unknown[] {
  if (name.endsWith('.csv')) return parseCsv(text);
  if (name.endsWith('.jsonl')) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line): unknown => parseExact(line));
  }
  const value = parseExact(text);
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.entries(value).map(([file, caption]) => ({ file_name: file, caption })) : [];
}

/** @param at folder of the file that the row stands in: paths start there, as in Hugging Face's `imagefolder` */
function addCaption(captions: Map<string, JsonObject>, at: string, row: unknown): void {
  if (!isObject(row)) return;
  const { file_name: file, image, ...columns } = row;
  const path = file ?? image;
  if (typeof path === 'string') captions.set(posix.normalize(at + path), columns);
}
