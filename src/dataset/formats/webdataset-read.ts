import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { WinnowError } from '../../base/errors.ts';
import { parseExact } from '../exact-number.ts';
import type { EmbeddedMedia } from '../records/embedded.ts';
import { isObject, type JsonObject } from './build.ts';
import { kindOfField, splitMember } from './webdataset-names.ts';

/** A member is held in memory as a whole. */
const MAX_MEMBER = 1 << 30;
const BLOCK = 512;
const TEXT_FIELDS = /^(.*\.)?(txt|text|caption|cls|cls2|id|index|url|json)$/;

export interface TarReading {
  files: readonly string[];
  /** Takes images, videos and whatever else isn't text. */
  media: EmbeddedMedia;
  signal?: AbortSignal;
  /** Bytes so far of all bytes. */
  progress?: (done: number, total: number) => void;
}

/**
 * Samples of WebDataset shards as JSON records: members of one key, which stand next to each other. The fields of a
 * `json` member are the record's own; images and videos are given to `media` and listed in `images` and `videos`;
 * `txt`, `cls` and the like are columns. A `.tar.gz` is unpacked on the way. Throws `TAR_DAMAGED`, `TAR_TRUNCATED` with
 * file and offset.
 */
export async function* readTars({ files, media, signal, progress }: TarReading): AsyncGenerator<JsonObject> {
  const sizes = files.map((file) => statSync(file).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (const [index, file] of files.entries()) {
    let group: { key: string; members: Map<string, Buffer> } | undefined;
    const ended = new Set<string>();
    for await (const { name, bytes, done } of members(file)) {
      signal?.throwIfAborted();
      const split = splitMember(name);
      if (split === undefined) continue;
      if (group !== undefined && group.key !== split.key) {
        ended.add(group.key);
        yield recordOf(group.key, group.members, media);
        progress?.(before + done, total);
        group = undefined;
      }
      if (group === undefined && ended.has(split.key)) throw apart(file, name, done);
      group ??= { key: split.key, members: new Map() };
      group.members.set(split.field, bytes);
    }
    if (group !== undefined) yield recordOf(group.key, group.members, media);
    before += sizes[index]!;
    progress?.(before, total);
  }
}

/** Regular files of one archive, and how far into the archive each begins. */
async function* members(file: string): AsyncGenerator<{ name: string; bytes: Buffer; done: number }> {
  const { extract: createExtract } = await import('tar-stream');
  const extract = createExtract();
  const gzipDecompressor = isGzip(file) ? createGunzip() : undefined;
  /** Bytes of the archive so far; where its last whole member ended; its last block. */
  const seen = { bytes: 0, end: 0, member: '', last: Buffer.alloc(0) };
  const watch = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      seen.bytes += chunk.length;
      seen.last = Buffer.concat([seen.last, chunk]).subarray(-BLOCK);
      yield chunk;
    }
  };
  const source = createReadStream(file);
  const piped =
    gzipDecompressor === undefined
      ? pipeline(source, watch, extract)
      : pipeline(source, gzipDecompressor, watch, extract);
  piped.catch(() => undefined);
  try {
    for await (const entry of extract) {
      // tar-stream knows where a member's bytes begin; its types don't say so.
      const { name, size = 0, type, byteOffset } = entry.header as typeof entry.header & { byteOffset: number };
      seen.member = name;
      if (size > MAX_MEMBER) throw new Error(`member "${name}" has ${size} bytes`);
      const bytes = await buffer(entry);
      seen.end = byteOffset + Math.ceil(size / BLOCK) * BLOCK;
      if (type === 'file' || type === 'contiguous-file') yield { name, bytes, done: byteOffset };
    }
    await piped;
  } catch (cause) {
    throw tarError(file, cause as Error, seen, gzipDecompressor);
  } finally {
    source.destroy();
    extract.destroy();
  }
  // An archive ends with blocks of zeros. Without them members may be missing, and nobody would know.
  if (seen.bytes === 0 || seen.last.some((byte) => byte !== 0)) {
    throw tarError(file, new Error('Unexpected end of data'), seen, gzipDecompressor);
  }
}

function apart(file: string, member: string, offset: number): WinnowError {
  return new WinnowError({
    code: 'TAR_SCATTERED',
    message: `The member "${member.slice(0, 120)}" stands apart from the others of its sample, so that every reader takes them for two.`,
    where: { file, offset },
    hint: 'Make the archive again with the members of a sample side by side: tar --sort=name -cf NEW.tar -C FOLDER .',
  });
}

function tarError(
  file: string,
  cause: Error,
  seen: { bytes: number; end: number; member: string },
  gzipDecompressor: Gunzip | undefined,
): WinnowError {
  const after = seen.member === '' ? '' : `, after member "${seen.member.slice(0, 120)}"`;
  if (/unexpected end/i.test(cause.message)) {
    return new WinnowError({
      code: 'TAR_TRUNCATED',
      message: `The archive ends in the middle${after}.`,
      where: { file, offset: gzipDecompressor === undefined ? seen.bytes : gzipDecompressor.bytesWritten },
      hint: 'Get the whole file again.',
      cause,
    });
  }
  return new WinnowError({
    code: 'TAR_DAMAGED',
    message: `The archive is damaged: ${cause.message.split('.')[0]!.toLowerCase()}${after}.`,
    where: { file, offset: gzipDecompressor === undefined ? seen.end : gzipDecompressor.bytesWritten },
    hint: 'Get the file again, or leave this shard out.',
    cause,
  });
}

function isGzip(file: string): boolean {
  const head = Buffer.alloc(2);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, head, 0, 2, 0);
  } finally {
    closeSync(fd);
  }
  return head[0] === 0x1f && head[1] === 0x8b;
}

function recordOf(key: string, members: ReadonlyMap<string, Buffer>, media: EmbeddedMedia): JsonObject {
  const record: JsonObject = { __key__: key };
  for (const [field, bytes] of members) {
    if (!TEXT_FIELDS.test(field)) continue;
    const text = bytes.toString('utf8');
    if (!/(^|\.)json$/.test(field)) record[field] = text;
    else {
      const value = parsed(text);
      if (field === 'json' && isObject(value)) Object.assign(record, value);
      else record[field] = value ?? text;
    }
  }
  for (const kind of ['image', 'video'] as const) {
    const list = `${kind}s`;
    const told: unknown[] = Array.isArray(record[list]) ? record[list] : [];
    const found = fieldsOf(kind, [...members.keys()]);
    // A file that Winnow wrote lists its media by their own names, also those that are not in the archive.
    const slots = told.length > 0 && found.every(({ at }) => at < told.length) ? told : found.map(() => undefined);
    const paths = slots.map((name, index) => {
      const field = slots === told ? found.find(({ at }) => at === index)?.field : found[index]!.field;
      if (field === undefined) return name;
      return media.put(members.get(field)!, typeof name === 'string' ? name : `${key}.${field}`);
    });
    if (paths.length > 0) record[list] = paths;
  }
  const others = [...members.keys()].filter((field) => !TEXT_FIELDS.test(field) && kindOfField(field) === undefined);
  for (const field of others) record[field] = media.put(members.get(field)!, `${key}.${field}`);
  return record;
}

/** Media fields in order: `0.jpg`, `1.jpg` by their numbers, others as they stand. */
function fieldsOf(kind: 'image' | 'video', fields: readonly string[]): { field: string; at: number }[] {
  const own = fields.filter((field) => kindOfField(field) === kind);
  return own
    .map((field, place) => {
      const number = /^v?(\d+)\./.exec(field)?.[1];
      return { field, at: number === undefined ? place : Number(number) };
    })
    .sort((a, b) => a.at - b.at);
}

function parsed(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}
