import { dirname } from 'node:path';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { isName, name, openDuck, quote } from '../../../base/duckdb.ts';
import { WinnowError } from '../../../base/errors.ts';
import { didYouMean } from '../../../base/suggest.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import type { ColumnBlock } from '../../../numeric/columns.ts';
import type { Project } from '../../../store/project.ts';
import type { ColumnRecord } from '../../../store/shard-file.ts';
import { type CsvTypes, csvTypes } from './csv-types.ts';
import { checkIds, makeIdTable } from './id-checks.ts';
import { type ColumnFill, fillColumn, type IdRules, type ValueFile } from './source.ts';

export type TableFormat = 'parquet' | 'jsonl' | 'csv';

export interface TableRequest {
  file: string;
  format: TableFormat;
  /** Name of the signal; a single column takes it. */
  as: string;
  idColumn: string;
  /** Columns to take. @default all but that of the ids */
  columns?: readonly string[] | undefined;
  /** Store vectors in half precision. @default false */
  half?: boolean | undefined;
  rules: IdRules;
}

const INTEGER = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$|^BOOLEAN$/;
const FLOATING = /^(FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const VECTOR = /^(U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))\[\d*\]$/;
/** Whole numbers beyond this are not exact in single precision. */
const EXACT = 2 ** 24;

/**
 * Values from a table with a column of ids, in any order of rows. DuckDB reads it, in a memory of its own with what
 * doesn't fit on disk; nothing but the file's folder can be read.
 *
 * @throws WinnowError `SIGNAL_FILE_INVALID`, `ID_COLUMN_MISSING`, `COLUMN_UNKNOWN`, `COLUMN_TYPE`, and those of {@link
 * checkIds}
 */
export async function openTableFile(project: Project, dataset: Dataset, request: TableRequest): Promise<ValueFile> {
  const { file, idColumn, rules } = request;
  const { root, temporary } = project.paths;
  const duck = await openDuck({ folder: root, also: [dirname(file)], temporary });
  try {
    return await duck.alone(async (connection) => {
      const { types, values } = await describe(connection, request);
      const wanted = wantedColumns(types, request);
      const names = [idColumn, ...wanted].map((column) => {
        if (column === idColumn) return `CAST(${name(column)} AS VARCHAR) AS id`;
        const value = values.get(column);
        return value === undefined ? name(column) : `${value} AS ${name(column)}`;
      });
      await connection.run(
        `CREATE TEMP VIEW given AS SELECT ${[...new Set(names)].join(', ')} FROM ${scan(request, types)}`,
      );
      await makeIdTable(connection, dataset);
      const counts = await checkIds(connection, dataset, file, rules).catch((error) =>
        Promise.reject(unreadable(file, error)),
      );
      const hasGaps = counts.missing > 0 || dataset.quarantined.length > 0;
      const columns: ColumnRecord[] = [];
      for (const column of wanted) {
        const record = await recordOf(connection, column, types.get(column)!, hasGaps, request);
        columns.push(wanted.length === 1 ? { ...record, name: request.as } : record);
      }
      return {
        columns,
        ...counts,
        blocks: (stretches) => blocks(connection, file, wanted, columns, counts.duplicates > 0, stretches),
        [Symbol.asyncDispose]: async () => duck.close(),
      };
    });
  } catch (error) {
    duck.close();
    throw unreadable(file, error);
  }
}

/** What reads the file; with the types of its columns, ids as text from the beginning: "007" is not 7. */
function scan({ file, format, idColumn }: TableRequest, types?: ReadonlyMap<string, string>): string {
  if (format === 'parquet') return `read_parquet(${quote(file)})`;
  if (format === 'csv') {
    const id = types === undefined ? '' : `, types = {${quote(idColumn)}: 'VARCHAR'}`;
    return scanCsv(file, `header = true${id}`);
  }
  const how = /\.json(\.gz)?$/i.test(file) ? 'auto' : 'newline_delimited';
  const columns = [...(types ?? [])].map(
    ([column, type]) => `${quote(column)}: ${quote(column === idColumn ? 'VARCHAR' : type)}`,
  );
  const known = types === undefined ? 'sample_size = -1' : `columns = {${columns.join(', ')}}`;
  return `read_json(${quote(file)}, format = '${how}', maximum_object_size = 134217728, ${known})`;
}

/** Not strict: a last line without a carriage return, where the others have one, is common. */
const scanCsv = (file: string, options: string): string =>
  `read_csv(${quote(file)}, delim = ',', quote = '"', escape = '"', strict_mode = false, sample_size = -1, ${options})`;

/** Types of the columns, and what makes the values of those that were read as text and are more. */
async function describe(connection: DuckDBConnection, request: TableRequest): Promise<CsvTypes> {
  try {
    const reader = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${scan(request)}`);
    const types = new Map(reader.getRows().map(([column, type]) => [String(column), String(type)]));
    const odd = [...types.keys()].find((column) => !isName(column));
    if (odd !== undefined) throw new Error(`a column is called ${JSON.stringify(odd)}`);
    // pandas keeps its index under this name.
    const asked = [request.idColumn, ...(request.columns ?? [])];
    for (const column of types.keys()) {
      if (/^__index_level_\d+__$/.test(column) && !asked.includes(column)) types.delete(column);
    }
    if (request.format !== 'csv') return { types, values: new Map() };
    return await csvTypes(connection, types, asked, (options) => scanCsv(request.file, options));
  } catch (cause) {
    throw unreadable(request.file, cause);
  }
}

function wantedColumns(types: ReadonlyMap<string, string>, { file, idColumn, columns }: TableRequest): string[] {
  const there = [...types.keys()];
  const refuse = (code: string, message: string, hint: string) =>
    new WinnowError({ code, message, where: { file }, hint, exitCode: 2 });
  if (!types.has(idColumn)) {
    throw refuse(
      'ID_COLUMN_MISSING',
      `There is no column "${idColumn}" with the ids of samples.`,
      `Name it with --id-column; there are ${there.join(', ')}.`,
    );
  }
  const unknown = columns?.find((column) => !types.has(column));
  if (unknown !== undefined)
    throw refuse(
      'COLUMN_UNKNOWN',
      `There is no column "${unknown}".`,
      `${didYouMean(unknown, there)}The file has ${there.join(', ')}.`,
    );
  const wanted = columns === undefined ? there.filter((column) => column !== idColumn) : [...new Set(columns)];
  if (wanted.length === 0)
    throw refuse('COLUMN_UNKNOWN', 'There is no column beside that of the ids.', 'Add the values.');
  const small = wanted.map((column) => column.toLowerCase());
  const clash = wanted.find((_, i) => ['row', 'id'].includes(small[i]!) || small.indexOf(small[i]!) !== i);
  if (clash !== undefined)
    throw refuse(
      'SIGNAL_FILE_INVALID',
      `The column "${clash}" has a name that is taken (row, id, or that of another column in other letters).`,
      'Rename it in the file, or choose others with --columns.',
    );
  return wanted;
}

/** How a column is stored. Lists of one length are vectors, of several lengths lists. */
async function recordOf(
  connection: DuckDBConnection,
  column: string,
  type: string,
  hasGaps: boolean,
  { file, half }: TableRequest,
): Promise<ColumnRecord> {
  const c = name(column);
  const refuse = (what: string, hint: string) =>
    new WinnowError({
      code: 'COLUMN_TYPE',
      message: `Column "${column}" ${what}.`,
      where: { file },
      hint,
      exitCode: 2,
    });
  const ask = async (expressions: string): Promise<number[]> =>
    (await connection.runAndReadAll(`SELECT ${expressions} FROM given`))
      .getRows()[0]!
      .map((value) => Number(value ?? 0));
  if (type === 'VARCHAR' || type.startsWith('ENUM')) return { name: column, kind: 'text', width: 1 };
  if (FLOATING.test(type)) return { name: column, kind: 'f32', width: 1 };
  if (INTEGER.test(type)) {
    const value = type === 'BOOLEAN' ? `CAST(${c} AS INTEGER)` : c;
    const [low, high, nulls] = (await ask(`min(${value}), max(${value}), count(*) - count(${c})`)) as [
      number,
      number,
      number,
    ];
    const fits = low >= -(2 ** 31) && high < 2 ** 31;
    if (fits && nulls === 0 && !hasGaps) return { name: column, kind: 'i32', width: 1 };
    if (low >= -EXACT && high <= EXACT) return { name: column, kind: 'f32', width: 1 };
    throw refuse(
      `has whole numbers from ${low} to ${high}${fits ? ' and rows without one' : ''}, which can't be kept exactly`,
      'Write them as text, or scale them.',
    );
  }
  if (VECTOR.test(type)) {
    const [least, most] = (await ask(`min(len(${c})), max(len(${c}))`)) as [number, number];
    if (most === 0) throw refuse('has only empty lists', 'Write one number or vector a row.');
    return least === most
      ? { name: column, kind: half === true ? 'f16' : 'f32', width: most }
      : { name: column, kind: 'list', width: 1 };
  }
  // The reader's type where no value, or values of several kinds, leave no other.
  throw refuse(
    type === 'JSON' ? 'holds values of several kinds, or none' : `holds ${type}`,
    'Write one number, text, or list of numbers a row, or choose others with --columns.',
  );
}

/** The rows in their order, gathered into stretches. */
async function* blocks(
  connection: DuckDBConnection,
  file: string,
  wanted: readonly string[],
  columns: readonly ColumnRecord[],
  hasDuplicates: boolean,
  stretches: readonly { start: number; end: number }[],
): AsyncGenerator<ColumnBlock> {
  const values = wanted.map((column, i) => valueSql(columns[i]!, `g.${name(column)}`)).join(', ');
  const first = hasDuplicates ? 'QUALIFY row_number() OVER (PARTITION BY g.id ORDER BY g.n) = 1' : '';
  const given = hasDuplicates ? '(SELECT *, row_number() OVER () AS n FROM given)' : 'given';
  const sql = `SELECT ids.row, ${values} FROM ${given} g JOIN ids ON ids.id = g.id ${first} ORDER BY ids.row`;
  let at = 0;
  let fills: ColumnFill[] = [];
  const begin = () => {
    fills = columns.map((record) => fillColumn(record, stretches[at]!.end - stretches[at]!.start));
  };
  const end = (): ColumnBlock => {
    const { start, end: last } = stretches[at]!;
    const entries = columns.map((record, i) => [record.name, fills[i]!.column()] as const);
    return { start, rows: last - start, columns: Object.fromEntries(entries) };
  };
  begin();
  try {
    const result = await connection.stream(sql);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const readers = columns.map((record, i) => readerOf(record, chunk!, i + 1));
      const rows = chunk.getColumnVector(0);
      for (let i = 0; i < chunk.rowCount; i++) {
        const row = Number(rows.getItem(i));
        while (row >= stretches[at]!.end) {
          yield end();
          at++;
          begin();
        }
        for (const [c, read] of readers.entries()) {
          const value = read(i);
          if (value !== null) fills[c]!.set(row - stretches[at]!.start, value);
        }
      }
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
  while (at < stretches.length) {
    yield end();
    at++;
    if (at < stretches.length) begin();
  }
}

function valueSql({ kind, width }: ColumnRecord, column: string): string {
  if (kind === 'text') return `CAST(${column} AS VARCHAR)`;
  if (kind === 'i32') return `CAST(${column} AS INTEGER)`;
  if (kind !== 'list' && width === 1) return `CAST(${column} AS FLOAT)`;
  return `list_transform(CAST(${column} AS FLOAT[]), lambda x: coalesce(x, 'nan'::FLOAT))`;
}

function readerOf(
  { kind, width }: ColumnRecord,
  chunk: DuckDBDataChunk,
  index: number,
): (row: number) => number | string | Float32Array | null {
  const vector = chunk.getColumnVector(index);
  if (kind !== 'list' && width === 1) return (row) => vector.getItem(row) as number | string | null;
  const lists = vector as unknown as { getItemVector(row: number): { items: Float32Array } | null };
  return (row) => lists.getItemVector(row)?.items ?? null;
}

/** What DuckDB says of a file that it can't read. */
function unreadable(file: string, cause: unknown): unknown {
  if (cause instanceof WinnowError) return cause;
  return new WinnowError({
    code: 'SIGNAL_FILE_INVALID',
    message: `This file can't be read: ${(cause as Error).message.split('\n')[0]!.slice(0, 300).trim()}`,
    where: { file },
    hint: 'Write it again as Parquet, JSON lines (one object a line) or CSV with a header.',
    exitCode: 2,
    cause,
  });
}
