import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { WinnowError } from '../errors.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import type { Message, Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, rowError } from './build.ts';

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
    const asked = typeof caption === 'string' && caption !== '';
    const messages: Message[] = [{ role: 'user', parts: [{ type: 'image', image: 0 }] }];
    if (asked) {
      messages[0]!.parts.push({ type: 'text', text: 'Describe the image.' });
      messages.push({ role: 'assistant', parts: [{ type: 'text', text: caption }] });
    }
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

  cannotHold(sample: Sample) {
    const lost: string[] = [];
    if (sample.media.images.length !== 1)
      lost.push(sample.media.images.length === 0 ? 'row without an image' : `${sample.media.images.length} images`);
    if (sample.media.videos.length > 0) lost.push('video');
    if (!isCaption(sample)) lost.push('conversation that is not a caption');
    if ('file_name' in sample.meta || 'text' in sample.meta)
      lost.push('column "file_name" or "text" of another format');
    return lost;
  },

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

/** True where the messages say nothing that a caption doesn't: an image, perhaps "Describe the image." with an answer. */
function isCaption(sample: Sample): boolean {
  const [user, answer, ...more] = sample.messages;
  if (more.length > 0 || user?.role !== 'user' || user.parts[0]?.type !== 'image') return false;
  if (answer === undefined) return user.parts.length === 1;
  const question = user.parts[1];
  const asks = user.parts.length === 2 && question?.type === 'text' && question.text === 'Describe the image.';
  const part = answer.parts[0];
  return (
    asks &&
    answer.role === 'assistant' &&
    !answer.call &&
    answer.parts.length === 1 &&
    part?.type === 'text' &&
    part.text !== ''
  );
}

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
