import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, posix } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { parseExact } from '../exact-number.ts';
import type { Format, Probe, ReadContext } from '../format.ts';
import { mediaKind } from '../media/media-type.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, rowError } from './build.ts';
import { captionTurns, exchangeLimits } from './caption.ts';
import { readColumns } from './columns.ts';
import { parseCsv } from './csv.ts';
import { metaClashes } from './limits.ts';
import { readParquet } from './parquet-read.ts';

const isImage = (name: string): boolean => mediaKind(extname(name)) === 'image';
const SIDECARS = ['metadata.csv', 'metadata.jsonl', 'metadata.parquet', 'captions.jsonl', 'captions.json'];

/**
 * A folder of images: every image is a sample. A caption comes from `<image name>.txt`, or from `metadata.csv` /
 * `metadata.jsonl` / `captions.jsonl` (`file_name` with `text` or `caption`) / `captions.json` ({file: caption}), at
 * the top or in a subfolder; it becomes the answer to
 * "Describe the image.". Without one the sample holds the image alone. A subfolder is the sample's `meta.category`,
 * unless it is the folder of a split. Rows of several images (`file_names`, `input_file_name`) and rows with a question
 * are read as the tables of `parquet` are. Option `split` reads one split.
 */
export const folder: Format = {
  name: 'folder',
  order: 170,
  aliases: ['imagefolder'],
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
    if (record.isRow === true && isObject(columns))
      return readColumns({ id: image, ...columns }, { ...context, options: {} });
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

  async listFolder(path: string, options) {
    const found: Found = { images: [], texts: new Set(), sidecars: [] };
    await walk(path, '', found);
    found.images.sort();
    const { captions, rows } = await readMetadata(path, found.sidecars.sort());
    const inRows = new Set(rows.flatMap(({ paths }) => paths));
    const splitOf = splitFinder(found.images);
    const single = await Promise.all(
      found.images
        .filter((image) => !inRows.has(image))
        .map(async (image) => {
          const sidecar = `${image.slice(0, image.length - extname(image).length)}.txt`;
          const { text, caption, ...others } = captions.get(image) ?? {};
          const told = found.texts.has(sidecar)
            ? (await readFile(join(path, sidecar), 'utf8')).trim()
            : (text ?? caption);
          const split = splitOf(image);
          const at = dirname(image);
          const category = at === '.' || at === split?.folder ? undefined : basename(at);
          const columns = split === undefined ? others : { split: split.name, ...others };
          return { image, caption: told, category, columns };
        }),
    );
    const several = rows.map(({ paths, record }) => {
      const split = splitOf(paths[0]!);
      return {
        image: paths[0]!,
        columns: split === undefined ? record : { split: split.name, ...record },
        isRow: true,
      };
    });
    const all = [...single, ...several];
    const names = [...new Set(found.images.flatMap((image) => splitOf(image)?.name ?? []))];
    if (names.length < 2) return { records: all };
    if (typeof options.split === 'string' && !names.includes(options.split)) throw noSplit(path, options.split, names);
    const kept = options.split === undefined ? all : all.filter(({ columns }) => columns.split === options.split);
    const says =
      options.split === undefined
        ? `splits ${names.join(', ')} together, told apart by the column "split" (option split=${names[0]} reads one)`
        : `split ${options.split as string} of ${names.join(', ')}`;
    return { records: kept, says };
  },
};

/** Names by which `datasets` knows the folders of splits, and what it calls them. */
const SPLITS: ReadonlyMap<string, string> = new Map([
  ...['train', 'training'].map((name) => [name, 'train'] as const),
  ...['test', 'testing', 'eval', 'evaluation'].map((name) => [name, 'test'] as const),
  ...['validation', 'valid', 'val', 'dev'].map((name) => [name, 'validation'] as const),
]);

/** The split of an image by its top folder, where every image lies in the folder of one. */
function splitFinder(images: readonly string[]): (image: string) => { name: string; folder: string } | undefined {
  const top = (image: string): string => (image.includes('/') ? image.slice(0, image.indexOf('/')) : '');
  const isSplit = images.length > 0 && images.every((image) => SPLITS.has(top(image).toLowerCase()));
  return (image) => (isSplit ? { name: SPLITS.get(top(image).toLowerCase())!, folder: top(image) } : undefined);
}

function noSplit(file: string, wanted: string, names: readonly string[]): WinnowError {
  return new WinnowError({
    code: 'SPLIT_UNKNOWN',
    message: `There is no split "${wanted}".`,
    where: { file },
    hint: `Give the option split: one of ${names.join(', ')}.`,
    exitCode: 2,
  });
}

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

/** Columns by image, and rows that are of several images or bring turns of their own. */
interface Metadata {
  captions: Map<string, JsonObject>;
  rows: { paths: string[]; record: JsonObject }[];
}

async function readMetadata(root: string, sidecars: readonly string[]): Promise<Metadata> {
  const metadata: Metadata = { captions: new Map(), rows: [] };
  for (const name of sidecars) {
    const at = dirname(name) === '.' ? '' : `${dirname(name)}/`;
    const file = join(root, name);
    try {
      const rows = name.endsWith('.parquet') ? await parquetRows(file) : rowsOf(name, await readText(file));
      for (const row of rows) addRow(metadata, at, row);
    } catch (cause) {
      if (cause instanceof WinnowError) throw cause;
      throw new WinnowError({
        code: 'CAPTIONS_DAMAGED',
        message: `The captions can't be read: ${(cause as Error).message}`,
        where: { file },
        hint: 'Fix or remove this file.',
        cause,
      });
    }
  }
  return metadata;
}

async function readText(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
}

async function parquetRows(file: string): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  const media = { put: (): string => '' };
  for await (const row of readParquet({ files: [file], temporary: tmpdir(), media })) rows.push(row);
  return rows;
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

/** Columns that make turns of a row without the help of a caption. */
const TURNS = ['messages', 'conversations', 'question', 'query', 'instruction', 'problem', 'prompt'];

/**
 * A row of metadata, its columns named as `datasets` names them: `file_name` is `image`, `file_names` are `images`,
 * `input_file_name` is `input`.
 *
 * @param at folder of the file that the row stands in: paths start there
 */
function addRow(metadata: Metadata, at: string, row: unknown): void {
  if (!isObject(row)) throw new Error('a row is not an object');
  const paths: string[] = [];
  const record = Object.entries(row).map(([column, value]): [string, unknown] => {
    const [, lead = '', plural] = /^(?:(.+)_)?file_name(s?)$/.exec(column) ?? [];
    const isOld = column === 'image' && !('file_name' in row);
    if (plural === undefined && !isOld) return [column, value];
    const named = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string' && item !== '');
    const inFolder = named.map((item) => posix.normalize(at + (item as string)));
    paths.push(...inFolder);
    const refs = inFolder.map((path) => ({ path }));
    return [lead === '' ? (plural === 's' ? 'images' : 'image') : `${lead}${plural}`, plural === 's' ? refs : refs[0]];
  });
  if (paths.length === 0) throw new Error(`no row has a file_name among its columns ${Object.keys(row).join(', ')}`);
  const { image, ...columns } = Object.fromEntries(record);
  const isPlain = paths.length === 1 && isObject(image) && !TURNS.some((name) => name in columns);
  if (isPlain) metadata.captions.set(paths[0]!, columns);
  else metadata.rows.push({ paths, record: Object.fromEntries(record) });
}
