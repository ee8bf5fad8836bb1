import { existsSync } from 'node:fs';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { name, quote } from '../base/duckdb.ts';
import { type Quarantined, WinnowError } from '../base/errors.ts';
import type { Column, ColumnBlock } from '../numeric/columns.ts';
import { readHalves } from '../numeric/half.ts';
import type { Matrix } from '../numeric/linalg/matrix.ts';
import { type Joined, readJoined } from './column-cache.ts';
import type { Project } from './project.ts';
import {
  type ColumnRecord,
  damaged,
  looksWhole,
  mayHoldQuarantined,
  readMeta,
  refuseDamaged,
  type ShardMeta,
} from './shard-file.ts';
import type { Shard, ShardPlan } from './shard-plan.ts';

/** Where columns are: a plan from `planShards`, or one found in the lineage. */
export type ReadPlan = Pick<ShardPlan, 'shards' | 'dataset'> & { identity: { signal: string } } & {
  /** The command that measures what is missing, or brings the file anew that the numbers came from. */
  command?: string;
  isImported?: boolean;
  /** Narrow columns of all of its shards in one file. */
  joined?: Joined;
};

export interface ReadOptions {
  /** Read what is there; rows of missing shards are NaN, null or empty. @default false: `SIGNAL_INCOMPLETE` */
  partial?: boolean;
  /** Read these rows alone: the block begins at `start`. @default all rows */
  range?: { start: number; end: number };
}

/**
 * Columns of all rows of the data set (or of a range), row r at position r; NaN (0 for integers, null, empty list)
 * where nothing was measured. Throws `SIGNAL_INCOMPLETE`, `COLUMN_UNKNOWN`, `SHARD_DAMAGED` with the file.
 */
export async function readColumns(
  project: Project,
  plan: ReadPlan,
  names: readonly string[],
  options: ReadOptions = {},
): Promise<ColumnBlock> {
  if (options.range === undefined && plan.joined !== undefined) {
    const joined = names.flatMap((wanted) => readJoined(plan.joined!, wanted) ?? []);
    if (joined.length === names.length) {
      const columns = Object.fromEntries(names.map((wanted, i) => [wanted, joined[i]!]));
      return { start: 0, rows: plan.joined.rows, columns };
    }
  }
  const files = presentFiles(plan, options);
  const duck = await project.duck();
  return duck.alone(async (connection) => {
    const { start, end } = options.range ?? { start: 0, end: plan.dataset.rows };
    const inRange = plan.shards.filter((shard) => shard.done && shard.start < end && shard.end > start);
    refuseDamaged(
      inRange.map(({ path }) => path),
      plan.command,
    );
    const meta = await firstMeta(connection, files);
    const records = names.map((wanted) => {
      const record = meta?.columns.find((column) => column.name === wanted);
      if (record !== undefined) return record;
      throw new WinnowError({
        code: 'COLUMN_UNKNOWN',
        message: `Signal "${plan.identity.signal}" has no column "${wanted}".`,
        hint: `It has ${meta?.columns.map((column) => column.name).join(', ') ?? 'none yet'}.`,
        exitCode: 2,
      });
    });
    const rows = end - start;
    const fill = records.map((record) => filler(record, rows));
    if (inRange.length > 0) {
      const list = inRange.map(({ path }) => quote(path)).join(', ');
      const where = options.range === undefined ? '' : ` WHERE row >= ${start} AND row < ${end}`;
      const columns = ['row', ...records.map((record) => name(record.name))].join(', ');
      try {
        // Shards of an earlier version may lack a column that later ones have.
        const ragged = options.partial === true ? ', union_by_name = true' : '';
        await fillFrom(connection, `SELECT ${columns} FROM read_parquet([${list}]${ragged})${where}`, start, fill);
      } catch (cause) {
        throw await blame(connection, files, columns, cause);
      }
    }
    return {
      start,
      rows,
      columns: Object.fromEntries(records.map((record, index) => [record.name, fill[index]!.column()])),
    };
  });
}

/** Rows that could not be computed, with their reasons, over all finished shards. */
export async function readQuarantined(project: Project, plan: ReadPlan): Promise<Quarantined[]> {
  if (plan.joined !== undefined) return [...plan.joined.quarantined];
  const files = presentFiles(plan, { partial: true }).filter(mayHoldQuarantined);
  if (files.length === 0) return [];
  refuseDamaged(files, plan.command);
  const duck = await project.duck();
  return duck.alone(async (connection) => {
    const out: Quarantined[] = [];
    for (const file of files) out.push(...(await readMeta(connection, file)).quarantined);
    return out;
  });
}

/** All columns of one shard, row r of it at position r. */
export interface WholeShard {
  records: readonly ColumnRecord[];
  columns: Record<string, Column>;
  quarantined: readonly Quarantined[];
}

/** All that a shard's file holds. Throws `SHARD_DAMAGED`. */
export async function readShard(project: Project, path: string): Promise<WholeShard> {
  const [, start, end] = /-(\d+)-(\d+)-[0-9a-f]{64}\.parquet$/.exec(path)!.map(Number) as [number, number, number];
  refuseDamaged([path]);
  const duck = await project.duck();
  return duck.alone(async (connection) => {
    const { columns: records, quarantined } = await readMeta(connection, path);
    const fill = records.map((record) => filler(record, end - start));
    const names = ['row', ...records.map((record) => name(record.name))].join(', ');
    await fillFrom(connection, `SELECT ${names} FROM read_parquet(${quote(path)})`, start, fill).catch((cause) => {
      throw damaged(path, cause);
    });
    const columns = Object.fromEntries(records.map((record, i) => [record.name, fill[i]!.column()]));
    return { records, columns, quarantined };
  });
}

/** Vectors of the rows `start` .. `end - 1` of one shard, NaN where nothing was measured. Throws `SHARD_DAMAGED`. */
export async function readVectors(
  project: Project,
  path: string,
  record: ColumnRecord,
  { start, end }: { start: number; end: number },
): Promise<Matrix> {
  refuseDamaged([path]);
  const fill = filler(record, end - start);
  const duck = await project.duck();
  await duck.alone(async (connection) => {
    try {
      const query = `SELECT row, ${name(record.name)} FROM read_parquet(${quote(path)}) WHERE row >= ${start} AND row < ${end}`;
      await fillFrom(connection, query, start, [fill]);
    } catch (cause) {
      throw damaged(path, cause);
    }
  });
  return { data: (fill.column() as { data: Float32Array }).data, rows: end - start, width: record.width };
}

/** Shards of a plan by their rows, all of them there. Throws `SIGNAL_INCOMPLETE`. */
export function wholeShards(plan: ReadPlan): readonly Shard[] {
  presentFiles(plan, {});
  return [...plan.shards].sort((a, b) => a.start - b.start);
}

function presentFiles(plan: ReadPlan, { partial }: ReadOptions): string[] {
  const missing = plan.shards.filter((shard) => !shard.done);
  if (missing.length > 0 && partial !== true) {
    const rows = missing.reduce((sum, shard) => sum + shard.end - shard.start, 0);
    const there = missing.filter((shard) => shard.path !== '' && existsSync(shard.path));
    const cut = there.find((shard) => !looksWhole(shard.path));
    const reason =
      cut !== undefined
        ? ': a file of it was cut short or damaged'
        : there.length > 0
          ? ': rows among them have changed since it was measured'
          : '';
    const command = plan.command ?? `winnow score ${plan.identity.signal}`;
    throw new WinnowError({
      code: 'SIGNAL_INCOMPLETE',
      message: `Signal "${plan.identity.signal}" is missing for ${rows} of ${plan.dataset.rows} rows${reason}.`,
      where: cut === undefined ? undefined : { file: cut.path },
      hint:
        plan.isImported === true
          ? `The data set has other rows than when it was imported; run "${command}" with a file of all of them.`
          : `Run "${command}": only what is missing is measured; equal rows keep their numbers.`,
    });
  }
  return plan.shards.filter((shard) => shard.done).map((shard) => shard.path);
}

async function firstMeta(connection: DuckDBConnection, files: readonly string[]): Promise<ShardMeta | undefined> {
  return files[0] === undefined ? undefined : readMeta(connection, files[0]);
}

/** Which of the files is to blame for a failed query: the first that can't be read to its end by itself. */
async function blame(
  connection: DuckDBConnection,
  files: readonly string[],
  columns: string,
  cause: unknown,
): Promise<unknown> {
  for (const file of files) {
    try {
      const result = await connection.stream(`SELECT ${columns} FROM read_parquet([${quote(file)}])`);
      for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; )
        chunk = await result.fetchChunk();
    } catch (fault) {
      return damaged(file, fault);
    }
  }
  return cause;
}

/** Runs a query whose first column is `row`, and gives its other columns to fillers; row `start` goes to place 0. */
async function fillFrom(
  connection: DuckDBConnection,
  query: string,
  start: number,
  fill: readonly Filler[],
): Promise<void> {
  const result = await connection.stream(query);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const at = integers(chunk, 0).map((row) => row - start);
    for (const [index, take] of fill.entries()) take.chunk(chunk, index + 1, at);
  }
}

interface Filler {
  chunk(chunk: DuckDBDataChunk, column: number, rows: Int32Array): void;
  column(): Column;
}

function integers(chunk: DuckDBDataChunk, column: number): Int32Array {
  const vector = chunk.getColumnVector(column);
  return Int32Array.from({ length: chunk.rowCount }, (_, i) => Number(vector.getItem(i) ?? 0));
}

function filler({ kind, width }: ColumnRecord, rows: number): Filler {
  if (kind === 'text') {
    const data: (string | null)[] = new Array(rows).fill(null);
    return { chunk: each((row, value) => (data[row] = value as string)), column: () => ({ kind, width: 1, data }) };
  }
  if (kind === 'i32') {
    const data = new Int32Array(rows);
    return { chunk: each((row, value) => (data[row] = value as number)), column: () => ({ kind, width: 1, data }) };
  }
  if (kind === 'f32' && width === 1) {
    const data = new Float32Array(rows).fill(Number.NaN);
    return { chunk: each((row, value) => (data[row] = value as number)), column: () => ({ kind, width, data }) };
  }
  if (kind === 'f16') {
    const data = new Float32Array(rows * width).fill(Number.NaN);
    const chunk = eachBlob((row, blob) => readHalves(blob, data.subarray(row * width, (row + 1) * width)));
    return { chunk, column: () => ({ kind: 'f32', width, data }) };
  }
  if (kind === 'f32') {
    const data = new Float32Array(rows * width);
    const bytes = new Uint8Array(data.buffer);
    const isRead = new Uint8Array(rows);
    return {
      chunk: eachBlob((row, blob) => {
        bytes.set(blob, row * width * 4);
        isRead[row] = 1;
      }),
      column: () => {
        // At the end, and not all beforehand: an embedding is a gigabyte that is written once as it is.
        for (let row = 0; row < rows; row++)
          if (isRead[row] === 0) data.fill(Number.NaN, row * width, (row + 1) * width);
        return { kind, width, data };
      },
    };
  }
  const lists: (Uint8Array | undefined)[] = new Array(rows);
  return { chunk: eachBlob((row, blob) => (lists[row] = blob.slice())), column: () => ragged(lists) };
}

function each(set: (row: number, value: unknown) => void): Filler['chunk'] {
  return (chunk, column, rows) => {
    const vector = chunk.getColumnVector(column);
    for (let i = 0; i < rows.length; i++) {
      const value = vector.getItem(i);
      if (value !== null) set(rows[i]!, value);
    }
  };
}

function eachBlob(set: (row: number, blob: Uint8Array) => void): Filler['chunk'] {
  return (chunk, column, rows) => {
    const vector = chunk.getColumnVector(column) as unknown as { getItemBytes(index: number): Uint8Array | null };
    for (let i = 0; i < rows.length; i++) {
      const blob = vector.getItemBytes(i);
      if (blob !== null) set(rows[i]!, blob);
    }
  };
}

function ragged(lists: readonly (Uint8Array | undefined)[]): Column {
  const offsets = new Uint32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + (list?.length ?? 0) / 4;
  const data = new Float32Array(offsets[lists.length]!);
  const bytes = new Uint8Array(data.buffer);
  for (const [row, list] of lists.entries()) if (list !== undefined) bytes.set(list, offsets[row]! * 4);
  return { kind: 'list', width: 1, offsets, data };
}
