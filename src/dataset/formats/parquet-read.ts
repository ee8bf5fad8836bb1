import { dirname } from 'node:path';
import type {
  DuckDBConnection,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  DuckDBType,
  DuckDBValue,
} from '@duckdb/node-api';
import { type Duck, openDuck, quote } from '../../base/duckdb.ts';
import { WinnowError } from '../../base/errors.ts';
import { numberFrom, parsePython } from '../exact-number.ts';
import { mediaExtension } from '../media/media-type.ts';
import type { EmbeddedMedia } from '../records/embedded.ts';
import { isObject, type JsonObject } from './build.ts';
import { type ColumnType, type ColumnTypes, columnTypeNamed, floatFrom } from './column-types.ts';
import { type ColumnChunk, damagedPage } from './parquet-checksums.ts';

/** Rows are read in portions of about this many bytes, so that memory is bounded whatever the row groups are. */
const PORTION = 32 << 20;
const MAX_ROWS = 8192;
const FIRST_ROWS = 128;

export interface ParquetReading {
  files: readonly string[];
  /** Where DuckDB may spill. */
  temporary: string;
  /** Takes the images. */
  media: EmbeddedMedia;
  /** Told once, of the columns that all files have as the same plain type. */
  onTypes?: (types: ColumnTypes) => void;
  signal?: AbortSignal;
  /** Rows so far of all rows. */
  progress?: (rows: number, total: number) => void;
}

/**
 * Rows of Parquet files as JSON records, images given to `media` and standing as `{path}` in the record. Nulls are left
 * out: Arrow can't tell them from columns that a row doesn't have. Numbers of a Hugging Face `ClassLabel` become their
 * names. Throws `PARQUET_DAMAGED` with the file and the offset of what can't be read.
 */
export async function* readParquet(reading: ParquetReading): AsyncGenerator<JsonObject> {
  const { files, temporary, media, onTypes, signal, progress } = reading;
  const { toJson, plainType } = await jsonConverter(media);
  /** Type by column; null where files disagree. */
  const types = new Map<string, ColumnType | null>();
  const duck = await openDuck({ folder: temporary, also: [...new Set(files.map((file) => dirname(file)))], temporary });
  try {
    // Before the first row, so that a damaged shard is found before hours of work.
    const groups: RowGroup[][] = [];
    for (const file of files) {
      groups.push(await read(duck, file, undefined, (connection) => rowGroups(connection, file)));
      const chunks = await read(duck, file, undefined, (connection) => columnChunks(connection, file));
      const page = await damagedPage(file, chunks, signal).catch((cause) => {
        signal?.throwIfAborted();
        throw damaged(file, undefined, cause);
      });
      if (page !== undefined) throw damaged(file, page, new Error('a page differs from its checksum'));
    }
    const total = groups.flat().reduce((sum, group) => sum + group.rows, 0);
    let done = 0;
    for (const [index, file] of files.entries()) {
      const about = await read(duck, file, undefined, (connection) => footerOf(connection, file));
      const seen = { meanBytes: 0 };
      for (const { start, rows, offset } of portions(groups[index]!, seen)) {
        signal?.throwIfAborted();
        const sql = `SELECT * EXCLUDE (file_row_number) FROM read_parquet(${quote(file)}, file_row_number = true)
          WHERE file_row_number >= ${start} AND file_row_number < ${start + rows} ORDER BY file_row_number`;
        const { names, values, columns } = await read(duck, file, offset, async (connection) => {
          const result = await connection.runAndReadAll(sql);
          return { names: result.columnNames(), values: result.getRows(), columns: result.columnTypes() };
        });
        for (const [i, name] of names.entries()) {
          const type = plainType(columns[i]!) ?? null;
          types.set(name, !types.has(name) || types.get(name) === type ? type : null);
        }
        let bytes = 0;
        for (const row of values) {
          const cells = row.map((value, i) => toJson(value, columns[i]!));
          bytes += sizeOf(cells);
          yield record(names, cells, about);
        }
        seen.meanBytes = bytes / rows;
        done += rows;
        progress?.(done, total);
      }
    }
    onTypes?.(new Map([...types].filter((entry): entry is [string, ColumnType] => entry[1] !== null)));
  } finally {
    duck.close();
  }
}

/** About how many bytes a value has in memory. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, item) => sum + sizeOf(item), 16);
}

interface RowGroup {
  rows: number;
  bytes: number;
  offset: number;
}

async function rowGroups(connection: DuckDBConnection, file: string): Promise<RowGroup[]> {
  const result = await connection.runAndReadAll(
    `SELECT any_value(row_group_num_rows), sum(total_uncompressed_size), min(data_page_offset)
     FROM parquet_metadata(${quote(file)}) GROUP BY row_group_id ORDER BY row_group_id`,
  );
  return result.getRows().map(([rows, bytes, offset]) => ({
    rows: Number(rows),
    bytes: Number(bytes),
    offset: Number(offset),
  }));
}

async function columnChunks(connection: DuckDBConnection, file: string): Promise<ColumnChunk[]> {
  const result = await connection.runAndReadAll(
    `SELECT if(dictionary_page_offset > 0, least(dictionary_page_offset, data_page_offset), data_page_offset), total_compressed_size
     FROM parquet_metadata(${quote(file)})`,
  );
  return result.getRows().map(([start, size]) => ({ start: Number(start), end: Number(start) + Number(size) }));
}

/** Look into a file; what fails there is the file's damage. */
async function read<T>(
  duck: Duck,
  file: string,
  offset: number | undefined,
  look: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  try {
    return await duck.alone(look);
  } catch (cause) {
    throw damaged(file, offset, cause);
  }
}

/** Row ranges of bounded size that never cross a row group. */
function* portions(
  groups: readonly RowGroup[],
  seen: { readonly meanBytes: number },
): Generator<{ start: number; rows: number; offset: number }> {
  let first = 0;
  let most = FIRST_ROWS;
  for (const { rows, bytes, offset } of groups) {
    for (let at = 0; at < rows; ) {
      // A dictionary hides how large rows are: few at first, then as many as those before them allow.
      const mean = Math.max(1, bytes / rows, seen.meanBytes);
      const size = Math.max(1, Math.min(most, MAX_ROWS, rows - at, Math.floor(PORTION / mean)));
      yield { start: first + at, rows: size, offset };
      at += size;
      most = size * 8;
    }
    first += rows;
  }
}

interface Footer {
  /** Names of the classes, by column. */
  classes: Map<string, string[]>;
  /** The file is Winnow's own: its column `meta` is JSON of what fits in no column. */
  hasMeta: boolean;
}

async function footerOf(connection: DuckDBConnection, file: string): Promise<Footer> {
  const result = await connection.runAndReadAll(
    `SELECT try(decode(key)), try(decode(value)) FROM parquet_kv_metadata(${quote(file)}) WHERE key IN ('huggingface'::BLOB, 'winnow'::BLOB)`,
  );
  const entries = new Map(result.getRows().map(([key, value]) => [String(key), String(value)]));
  const classes = new Map<string, string[]>();
  try {
    const head = JSON.parse(entries.get('huggingface') ?? '{}') as { info?: { features?: Record<string, unknown> } };
    for (const [name, feature] of Object.entries(head.info?.features ?? {}))
      if (isObject(feature) && feature._type === 'ClassLabel' && Array.isArray(feature.names))
        classes.set(name, feature.names.map(String));
  } catch {
    // Names of classes are a comfort; numbers do without.
  }
  return { classes, hasMeta: entries.has('winnow') };
}

function record(names: readonly string[], values: readonly unknown[], { classes, hasMeta }: Footer): JsonObject {
  const entries: [string, unknown][] = [];
  // What `meta` spells stands for what a plain column could only hold as another number.
  let spelled: [string, unknown][] = [];
  for (const [index, name] of names.entries()) {
    const value = values[index];
    if (value === undefined) continue;
    const meta = hasMeta && name === 'meta' ? parsedObject(String(value)) : undefined;
    if (meta !== undefined) spelled = Object.entries(meta);
    else entries.push([name, (typeof value === 'number' ? classes.get(name)?.[value] : undefined) ?? value]);
  }
  return Object.fromEntries([...entries, ...spelled]);
}

/** Undefined where a damaged file holds something else, which then stands in the row as it is. */
function parsedObject(text: string): JsonObject | undefined {
  try {
    const value = parsePython(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A DuckDB value as JSON; null is undefined. Blobs that are media, alone or as `{bytes, path}`, become `{path}`; others
 * base64. Numbers keep their digits, and those of a column of floats their point.
 */
async function jsonConverter(media: EmbeddedMedia) {
  const duck = await import('@duckdb/node-api');
  const known = (entries: readonly (readonly [string, unknown])[]): JsonObject =>
    Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  const isFloat = ({ typeId }: DuckDBType): boolean =>
    typeId === duck.DuckDBTypeId.DOUBLE || typeId === duck.DuckDBTypeId.FLOAT;
  const toJson = (value: DuckDBValue, type: DuckDBType): unknown => {
    if (value === null) return undefined;
    if (typeof value === 'bigint') return numberFrom(String(value));
    if (typeof value === 'number') return isFloat(type) ? floatFrom(value) : value;
    if (typeof value !== 'object') return value;
    if (value instanceof duck.DuckDBBlobValue) {
      if (mediaExtension(value.bytes) !== undefined) return { path: media.put(value.bytes) };
      return Buffer.from(value.bytes).toString('base64');
    }
    if (value instanceof duck.DuckDBStructValue) {
      const { bytes, path } = value.entries;
      if (bytes instanceof duck.DuckDBBlobValue && (path === null || path === undefined || typeof path === 'string'))
        return { path: media.put(bytes.bytes, path ?? null) };
      const { entryTypes } = type as DuckDBStructType;
      return known(Object.entries(value.entries).map(([name, item], i) => [name, toJson(item, entryTypes[i]!)]));
    }
    if (value instanceof duck.DuckDBListValue || value instanceof duck.DuckDBArrayValue)
      return value.items.map((item) => toJson(item, (type as DuckDBListType).valueType) ?? null);
    if (value instanceof duck.DuckDBMapValue)
      return known(
        value.entries.map(({ key, value: item }) => [String(key), toJson(item, (type as DuckDBMapType).valueType)]),
      );
    if (value instanceof duck.DuckDBDecimalValue) return numberFrom(value.toString());
    return value.toString();
  };
  return { toJson, plainType: (type: DuckDBType) => columnTypeNamed(duck.DuckDBTypeId[type.typeId]!) };
}

function damaged(file: string, offset: number | undefined, cause: unknown): WinnowError {
  const reason = (cause as Error).message.split('\n')[0]!.replaceAll(file, 'the file').slice(0, 200);
  return new WinnowError({
    code: 'PARQUET_DAMAGED',
    message: `The Parquet file can't be read: ${reason}`,
    where: { file, offset: offset ?? 0 },
    hint: 'Get the whole file again; a Parquet file without its end can not be read in part.',
    cause,
  });
}
