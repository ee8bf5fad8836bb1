import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { name, openDuck, quote } from '../../base/duckdb.ts';
import { openAtomic, temporaryName } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import type { Finished } from '../../base/files/output-guard.ts';
import { exactJson, parsePython } from '../exact-number.ts';
import type { MediaLoader } from '../media/place-media.ts';
import type { JsonObject } from './build.ts';
import type { ColumnType, ColumnTypes } from './column-types.ts';
import {
  type ColumnPlan,
  huggingFaceMetadata,
  messagesStructure,
  overflowOf,
  sqlColumns,
  watchColumns,
} from './parquet-columns.ts';

/**
 * Readers load whole row groups, and images are large: a group ends at 1,000 rows, or from 100 on at this many bytes.
 */
const GROUP = { rows: 1000, least: 100, bytes: 64 << 20 };

export interface ParquetWriting {
  /** Paths of the shards, once it is known how many there are. One path: one file, however large. */
  paths(shards: number): string[];
  /** A shard ends at about this many bytes; Infinity: one file. */
  shardBytes: number;
  spelling: 'list' | 'sequence';
  /** Types that number columns had where the records come from. */
  columnTypes?: ColumnTypes;
  load: MediaLoader;
}

/**
 * Writes records `{id, messages, images, videos?, ...}` as Parquet. They are kept as text first, since the columns are
 * known only when all have been seen; then images are read, a shard at a time. The same records give the same bytes.
 */
export async function openParquetSink(writing: ParquetWriting) {
  const [first] = writing.paths(1);
  const spool = await openAtomic(temporaryName(first!));
  const columns = watchColumns(writing.columnTypes);
  let parts: string[] = [];
  let held = 0;
  const flush = async (): Promise<void> => {
    await withDiskErrors(first!, () => spool.handle.writeFile(parts.join('')));
    parts = [];
    held = 0;
  };
  const made: string[] = [];
  const abort = async (): Promise<void> => {
    await spool.abort();
    for (const path of made) await rm(path, { force: true });
  };
  return {
    async write(record: unknown): Promise<void> {
      columns.see(record as JsonObject);
      // Line readers also break at these two.
      const line = `${exactJson(record, 'literal')
        .replace(/\u2028/g, '\\u2028')
        .replace(/\u2029/g, '\\u2029')}\n`;
      parts.push(line);
      held += line.length;
      if (held > 1 << 20) await flush();
    },
    async finish(): Promise<Finished[]> {
      await flush();
      const folder = dirname(first!);
      const duck = await openDuck({ folder, temporary: folder, threads: 1 });
      try {
        const target = () => {
          const path = temporaryName(first!);
          made.push(path);
          return path;
        };
        await withDiskErrors(first!, () =>
          duck.alone((connection) => writeShards(connection, spool.temporary, columns.plan(), writing, target)),
        );
      } finally {
        duck.close();
      }
      return writing.paths(made.length).map((path, i) => ({ path, temporary: made[i]! }));
    },
    abort,
  };
}

async function writeShards(
  connection: DuckDBConnection,
  spool: string,
  plan: ColumnPlan,
  { shardBytes, spelling, load }: ParquetWriting,
  target: () => string,
): Promise<void> {
  const columns = sqlColumns(plan);
  const append = await rowAppender(plan, load);
  const select = columns.map((column) =>
    column.name === 'messages'
      ? `from_json(messages, ${quote(messagesStructure(plan))}) AS messages`
      : name(column.name),
  );
  const about = `{huggingface: ${quote(huggingFaceMetadata(plan, spelling))}, winnow: '1'}`;
  let groups: string[] = [];
  let group: { appender: DuckDBAppender; rows: number; bytes: number } | undefined;
  let shard = 0;
  const begin = async () => {
    const table = `group_${groups.length}`;
    await connection.run(
      `CREATE TEMP TABLE ${table} (${columns.map(({ name: column, type }) => `${name(column)} ${type}`).join(', ')})`,
    );
    groups.push(table);
    return { appender: await connection.createAppender(table), rows: 0, bytes: 0 };
  };
  const end = (): void => {
    group?.appender.closeSync();
    group = undefined;
  };
  // Every table becomes a row group: DuckDB itself would not make one of less than 2,048 rows.
  const copy = async (): Promise<void> => {
    end();
    const rows = groups.map((table) => `SELECT ${select.join(', ')} FROM ${table}`).join(' UNION ALL ');
    await connection.run(
      `COPY (${rows}) TO ${quote(target())} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 1, KV_METADATA ${about})`,
    );
    for (const table of groups) await connection.run(`DROP TABLE ${table}`);
    groups = [];
    shard = 0;
  };
  for await (const line of createInterface({ input: createReadStream(spool), crlfDelay: Number.POSITIVE_INFINITY })) {
    group ??= await begin();
    const bytes = await append(group.appender, parsePython(line) as JsonObject);
    group.rows++;
    group.bytes += bytes;
    shard += bytes;
    if (shard >= shardBytes) await copy();
    else if (group.rows >= GROUP.rows || (group.rows >= GROUP.least && group.bytes >= GROUP.bytes)) end();
  }
  if (groups.length === 0) group = await begin();
  if (groups.length > 0) await copy();
}

/** Appends one record with its images; returns about how many bytes it has. */
async function rowAppender(
  plan: ColumnPlan,
  load: MediaLoader,
): Promise<(appender: DuckDBAppender, record: JsonObject) => Promise<number>> {
  const { blobValue, listValue, structValue } = await import('@duckdb/node-api');
  return async (appender, record) => {
    const messages = JSON.stringify(record.messages);
    const paths = record.images as string[];
    const images = await Promise.all(paths.map((path) => load(path)));
    if (plan.id === 'string') appender.appendVarchar(String(record.id));
    else appendNumber(appender, plan.id, String(record.id));
    appender.appendVarchar(messages);
    appender.appendList(
      listValue(
        paths.map((path, index) => {
          const bytes = images[index];
          return structValue({ bytes: bytes === undefined ? null : blobValue(bytes), path });
        }),
      ),
      appender.columnType(2) as Parameters<DuckDBAppender['appendList']>[1],
    );
    if (plan.hasVideos)
      appender.appendList(listValue((record.videos as string[] | undefined) ?? []), appender.columnType(3) as never);
    for (const { name: column, type } of plan.plain) {
      const value = Object.hasOwn(record, column) ? record[column] : undefined;
      if (value === undefined) appender.appendNull();
      else if (type === 'string') appender.appendVarchar(value as string);
      else if (type === 'bool') appender.appendBoolean(value as boolean);
      else appendNumber(appender, type, String(value));
    }
    const rest = plan.hasMeta ? overflowOf(record, plan) : undefined;
    if (plan.hasMeta && rest === undefined) appender.appendNull();
    else if (rest !== undefined) appender.appendVarchar(rest);
    appender.endRow();
    return messages.length + images.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 100);
  };
}

function appendNumber(appender: DuckDBAppender, type: ColumnType, literal: string): void {
  if (type === 'int64') appender.appendBigInt(BigInt(literal));
  else if (type === 'uint64') appender.appendUBigInt(BigInt(literal));
  else if (type === 'int32') appender.appendInteger(Number(literal));
  else if (type === 'uint32') appender.appendUInteger(Number(literal));
  else if (type === 'int16') appender.appendSmallInt(Number(literal));
  else if (type === 'uint16') appender.appendUSmallInt(Number(literal));
  else if (type === 'int8') appender.appendTinyInt(Number(literal));
  else if (type === 'uint8') appender.appendUTinyInt(Number(literal));
  else if (type === 'float32') appender.appendFloat(Number(literal));
  else appender.appendDouble(Number(literal));
}
