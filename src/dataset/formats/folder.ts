import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { WinnowError } from '../errors.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, rowError } from './build.ts';
import { captionTurns, exchangeLimits } from './caption.ts';
import { metaClashes } from './limits.ts';

const IMAGE = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|jfif)$/i;
const SIDECARS = ['metadata.jsonl', 'captions.jsonl', 'captions.json'];

/**
 * A folder of images: every image is a sample. A caption comes from `<image name>.txt`, or from `metadata.jsonl` /
 * `captions.jsonl` (`file_name` with `text` or `caption`) / `captions.json` ({file: caption}); it becomes the answer to
 * "Describe the image.". Without one the sample holds the image alone. A subfolder is the sample's `meta.category`.
 */
export const folder: Format = {
  name: 'folder',
  title: 'folder of images',
  container: 'folder',
  extension: '',

  sniff(probe: Probe) {
    if (!probe.isFolder) return { confidence: 0, because: 'not a folder' };
    const images = probe.entries.filter((name) => IMAGE.test(name)).length;
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
    await walk(path, '', images, texts);
    images.sort();
    const captions = await readCaptions(path);
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

async function walk(root: string, at: string, images: string[], texts: Set<string>): Promise<void> {
  const entries: Dirent[] = await readdir(join(root, at), { withFileTypes: true });
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = at === '' ? entry.name : `${at}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, images, texts);
    else if (IMAGE.test(entry.name)) images.push(path);
    else if (entry.name.endsWith('.txt')) texts.add(path);
  }
}

async function readCaptions(root: string): Promise<Map<string, JsonObject>> {
  const captions = new Map<string, JsonObject>();
  const entries = new Set(await readdir(root));
  for (const name of SIDECARS.filter((sidecar) => entries.has(sidecar))) {
    const text = (await readFile(join(root, name), 'utf8')).replace(/^\uFEFF/, '');
    try {
      if (name.endsWith('.jsonl')) {
        for (const line of text.split('\n').filter((item) => item.trim() !== ''))
          addCaption(captions, JSON.parse(line));
      } else {
        const value: unknown = JSON.parse(text);
        if (Array.isArray(value)) for (const item of value) addCaption(captions, item);
        else if (isObject(value)) for (const [file, caption] of Object.entries(value)) captions.set(file, { caption });
      }
    } catch (cause) {
      throw new WinnowError({
        code: 'CAPTIONS_DAMAGED',
        message: `the captions can't be read: ${(cause as Error).message}`,
        where: { file: join(root, name) },
        hint: 'Mend or remove this file.',
        cause,
      });
    }
  }
  return captions;
}

function addCaption(captions: Map<string, JsonObject>, row: unknown): void {
  if (!isObject(row)) return;
  const { file_name: file, image, ...columns } = row;
  const path = file ?? image;
  if (typeof path === 'string') captions.set(path, columns);
}
