import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Quarantined } from '../base/errors.ts';
import { openAtomic } from '../base/files/atomic.ts';
import { checksum } from '../base/files/checksum.ts';
import type { Column, ColumnBlock, FloatColumn, IntColumn } from '../numeric/columns.ts';
import type { ProjectPaths } from './paths.ts';
import type { ColumnRecord } from './shard-file.ts';

/**
 * The narrow columns of a finished signal, one after the other in one file, so that a selection reads megabytes at once
 * and not thousands of shards. It holds nothing of its own: it is made from the shards, is named by their paths, sizes
 * and times, and so is found only as long as they are what it was made from.
 */
export interface Joined {
  path: string;
  rows: number;
  columns: readonly ColumnRecord[];
  quarantined: readonly Quarantined[];
  /** CRC-32 of each column. */
  sums: readonly number[];
  /** Bytes before the first column. */
  start: number;
}

export const JOINED_END = '.columns';
const MAGIC = 'WINNOWC2';
/** Fewer shards than this are read as they are. */
const MANY_SHARDS = 8;
/** Numbers a row: wider columns, such as embeddings, would take the room of another data set. */
const WIDEST = 64;

type NumberColumn = FloatColumn | IntColumn;

export function isJoinable({ kind, width }: ColumnRecord): boolean {
  return kind === 'i32' || (kind === 'f32' && width > 0 && width <= WIDEST);
}

/**
 * Where the columns of these shards are joined, as the shards are now; undefined where they aren't worth it or one is
 * gone.
 */
export function joinedPath(paths: ProjectPaths, shards: readonly { path: string }[]): string | undefined {
  if (shards.length < MANY_SHARDS) return undefined;
  const key = createHash('sha256').update(MAGIC);
  for (const { path } of shards) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    key.update(`\n${path.slice(paths.signals.length)} ${found.size} ${found.mtimeMs}`);
  }
  return join(paths.indexes, `${key.digest('hex').slice(0, 32)}${JOINED_END}`);
}

/** The joined columns in a file, or undefined where there is none, or one that is damaged. */
export function findJoined(path: string): Joined | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const lead = readAt(fd, Buffer.alloc(16), 0);
    if (lead?.toString('latin1', 0, 8) !== MAGIC) return undefined;
    const text = readAt(fd, Buffer.alloc(lead.readUInt32LE(8)), 16);
    if (text === undefined || checksum([text]) !== lead.readUInt32LE(12)) return undefined;
    const header = JSON.parse(text.toString()) as Omit<Joined, 'path' | 'start'>;
    const joined = { ...header, path, start: 16 + text.length };
    return fstatSync(fd).size === joined.start + sizeBefore(joined, joined.columns.length) ? joined : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** One of the joined columns; undefined where it isn't among them, or the file is gone or damaged. */
export function readJoined(joined: Joined, name: string): NumberColumn | undefined {
  const place = joined.columns.findIndex((column) => column.name === name);
  const record = joined.columns[place];
  if (record === undefined) return undefined;
  const { kind, width } = record;
  const column: NumberColumn =
    kind === 'i32'
      ? { kind, width: 1, data: new Int32Array(joined.rows) }
      : { kind: 'f32', width, data: new Float32Array(joined.rows * width) };
  let fd: number;
  try {
    fd = openSync(joined.path, 'r');
  } catch {
    return undefined;
  }
  try {
    const bytes = readAt(fd, bytesOf(column), joined.start + sizeBefore(joined, place));
    return bytes !== undefined && checksum([bytes]) === joined.sums[place] ? column : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Write joined columns whole or not at all. Throws `DISK_FULL`, `NOT_WRITABLE`. */
export async function saveJoined(
  path: string,
  { rows, columns }: ColumnBlock,
  records: readonly ColumnRecord[],
  quarantined: readonly Quarantined[],
): Promise<void> {
  const data = records.map(({ name }) => bytesOf(columns[name] as NumberColumn));
  const text = JSON.stringify({ rows, columns: records, quarantined, sums: data.map((bytes) => checksum([bytes])) });
  const header = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const lead = Buffer.alloc(16);
  lead.write(MAGIC);
  lead.writeUInt32LE(header.length, 8);
  lead.writeUInt32LE(checksum([header]), 12);
  const file = await openAtomic(path);
  try {
    for (const part of [lead, header, ...data]) await file.handle.writeFile(part);
    await file.commit();
  } finally {
    await file.abort();
  }
}

const sizeBefore = ({ rows, columns }: Pick<Joined, 'rows' | 'columns'>, place: number): number =>
  columns.slice(0, place).reduce((sum, { width }) => sum + rows * width * 4, 0);

function bytesOf({ data }: Column & NumberColumn): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** Fills the buffer from a place of the file; undefined where the file is shorter. */
function readAt(fd: number, into: Buffer, at: number): Buffer | undefined {
  for (let done = 0; done < into.length; ) {
    const read = readSync(fd, into, done, into.length - done, at + done);
    if (read === 0) return undefined;
    done += read;
  }
  return into;
}
