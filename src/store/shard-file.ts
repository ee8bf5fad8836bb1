import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { name, quote } from '../base/duckdb.ts';
import { WinnowError } from '../base/errors.ts';
import { commitFile, temporaryName } from '../base/files/atomic.ts';
import { withDiskErrors } from '../base/files/disk-errors.ts';
import type { Column, ColumnBlock } from '../numeric/columns.ts';
import { writeHalves } from '../numeric/half.ts';
import { refuseNewer } from './format-version.ts';
import { addTrailer, FINGERPRINT_BYTES, fileState, type Trailer } from './shard-trailer.ts';

/** A column as it is stored. */
export const ColumnRecord = z.object({
  name: z.string(),
  kind: z.enum(['f32', 'f16', 'i32', 'text', 'list']),
  width: z.int(),
  measures: z.string().optional(),
});
export type ColumnRecord = z.infer<typeof ColumnRecord>;

/**
 * What a shard says of itself, in the Parquet metadata under `winnow`. No time and no machine: the same numbers are the
 * same bytes.
 */
export const ShardMeta = z.object({
  /** Layout of the file. Raise it when an older Winnow would misread what is written. */
  format: z.literal(1).default(1),
  key: z.string(),
  columns: z.array(ColumnRecord),
  quarantined: z.array(z.object({ row: z.int(), id: z.string(), code: z.string(), reason: z.string() })),
});
export type ShardMeta = z.infer<typeof ShardMeta>;

/**
 * SQL type of a column. Wide and ragged floats are BLOBs of little-endian float32: DuckDB's appender takes 10 ms for
 * 4,096 vectors of 384 as bytes and 800 ms as lists. `numpy.frombuffer(blob, '<f4')` reads them. `f16` is for vectors
 * that may be stored in half the room (`readHalves`); in memory it is float32.
 */
function sqlType({ kind, width }: Pick<Column, 'kind' | 'width'>): string {
  if (kind === 'f32') return width === 1 ? 'FLOAT' : 'BLOB';
  return { i32: 'INTEGER', text: 'VARCHAR', list: 'BLOB' }[kind];
}

/**
 * Write columns with `row` and `id` as one Parquet file (zstd) under its final name, whole or not at all. NaN is stored
 * as NULL.
 */
export async function writeParquet(
  connection: DuckDBConnection,
  path: string,
  block: ColumnBlock,
  ids: readonly string[],
  about: Omit<ShardMeta, 'format'>,
  trailer: Trailer = NO_TRAILER,
): Promise<void> {
  const meta: ShardMeta = { format: 1, ...about };
  const columns = Object.entries(block.columns);
  const halved = new Set(about.columns.filter(({ kind }) => kind === 'f16').map((record) => record.name));
  const table = name(`shard_${temporarySerial++}`);
  const fields = columns.map(([key, column]) => `${name(key)} ${halved.has(key) ? 'BLOB' : sqlType(column)}`);
  await connection.run(`CREATE TEMP TABLE ${table} (${['row INTEGER', 'id VARCHAR', ...fields].join(', ')})`);
  const temporary = temporaryName(path);
  try {
    const appender = await connection.createAppender(table.slice(1, -1));
    try {
      for (let row = 0; row < block.rows; row++) {
        appender.appendInteger(block.start + row);
        appender.appendVarchar(ids[row]!);
        for (const [key, column] of columns) appendCell(appender, column, row, halved.has(key));
        appender.endRow();
      }
      appender.flushSync();
    } finally {
      appender.closeSync();
    }
    await withDiskErrors(path, () =>
      connection.run(
        `COPY (SELECT * FROM ${table} ORDER BY row) TO ${quote(temporary)} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {winnow: ${quote(JSON.stringify(meta))}})`,
      ),
    );
    addTrailer(temporary, trailer);
    await commitFile(temporary, path);
  } finally {
    await connection.run(`DROP TABLE ${table}`);
    await rm(temporary, { force: true });
  }
}

let temporarySerial = 0;

/** A checksum alone. */
const NO_TRAILER: Trailer = { identity: new Uint8Array(FINGERPRINT_BYTES), fingerprints: new Uint8Array(0) };

function appendCell(appender: DuckDBAppender, column: Column, row: number, isHalved: boolean): void {
  if (column.kind === 'text') {
    const text = column.data[row];
    if (text === null || text === undefined) appender.appendNull();
    else appender.appendVarchar(text);
  } else if (column.kind === 'i32') appender.appendInteger(column.data[row]!);
  else if (column.kind === 'list')
    appender.appendBlob(bytesOf(column.data.subarray(column.offsets[row], column.offsets[row + 1])));
  else if (column.width === 1) {
    const value = column.data[row]!;
    if (Number.isNaN(value)) appender.appendNull();
    else appender.appendFloat(value);
  } else {
    const vector = column.data.subarray(row * column.width, (row + 1) * column.width);
    if (vector.every(Number.isNaN)) appender.appendNull();
    else appender.appendBlob(isHalved ? writeHalves(vector) : bytesOf(vector));
  }
}

function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * True where the file begins and ends as Parquet does: finished files always do, since they appear by rename. It reads
 * twelve bytes; whether they are the bytes that were written, `fileState` knows.
 */
export function looksWhole(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size < 12) return false;
    const ends = Buffer.alloc(12);
    readSync(fd, ends, 0, 4, 0);
    readSync(fd, ends, 4, 8, size - 8);
    const footer = ends.readUInt32LE(4);
    return ends.toString('latin1', 0, 4) === 'PAR1' && ends.toString('latin1', 8) === 'PAR1' && footer < size - 8;
  } finally {
    closeSync(fd);
  }
}

/** True where the file is whole, and its checksum is right where it has one. The first look reads all of it. */
export function isSound(path: string): boolean {
  return looksWhole(path) && fileState(path) !== 'damaged';
}

/** Throws `SHARD_DAMAGED` where a file isn't as it was written. */
export function refuseDamaged(paths: readonly string[], command?: string): void {
  for (const path of paths) {
    if (fileState(path) === 'damaged') throw damaged(path, 'its checksum is wrong', command);
  }
}

/** How a shard says that all of its rows were computed; inside of a JSON string the quotes would be escaped. */
const NOTHING_QUARANTINED = '"quarantined":[]';

/**
 * False where the file's end says that none of its rows is quarantined: thirty times as fast as a query for what it
 * says.
 */
export function mayHoldQuarantined(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const end = Buffer.allocUnsafe(8);
    readSync(fd, end, 0, 8, size - 8);
    const footer = Buffer.allocUnsafe(Math.min(size - 8, end.readUInt32LE(0)));
    readSync(fd, footer, 0, footer.length, size - 8 - footer.length);
    return !footer.includes(NOTHING_QUARANTINED);
  } finally {
    closeSync(fd);
  }
}

/** What a shard says of itself. Throws `SHARD_DAMAGED`. */
export async function readMeta(connection: DuckDBConnection, path: string): Promise<ShardMeta> {
  try {
    const reader = await connection.runAndReadAll(
      `SELECT decode(value) FROM parquet_kv_metadata(${quote(path)}) WHERE key = 'winnow'::BLOB`,
    );
    const meta: unknown = JSON.parse(String(reader.getRows()[0]?.[0]));
    refuseNewer(meta, 'format', path);
    return ShardMeta.parse(meta);
  } catch (cause) {
    throw cause instanceof WinnowError ? cause : damaged(path, cause);
  }
}

/** `command`: what measured it. */
export function damaged(path: string, cause: unknown, command?: string): WinnowError {
  return new WinnowError({
    code: 'SHARD_DAMAGED',
    message: `A file of measured signals can't be read: ${cause instanceof Error ? cause.message.split('\n')[0]!.slice(0, 160) : cause}.`,
    where: { file: path },
    hint: `Run ${command === undefined ? 'the command that measured it' : `"${command}"`} again: only these rows are measured anew.`,
    cause,
  });
}
