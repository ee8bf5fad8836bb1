import type { DuckDBConnection } from '@duckdb/node-api';
import { type Duck, name, quote } from '../../base/duckdb.ts';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Project } from '../project.ts';
import { refuseDamaged } from '../shard-file.ts';
import { type StoredSignal, storedSignals } from '../signals.ts';
import { makeSamplesTable, SAMPLE_COLUMNS } from './sql-samples.ts';

export interface SqlOptions {
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Rows at most. @default all */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface SqlResult {
  columns: string[];
  /** Values as JSON: numbers, strings, booleans, null, lists; 64-bit integers as strings. */
  rows: unknown[][];
  /** There are more rows than `limit`. */
  more: boolean;
}

/**
 * Run one reading statement over the project: table `samples` of a data set, a view for each signal measured for it (as
 * it was measured last), named as the signal (`-` becomes `_`), and the view `scored`: samples with the columns of all
 * signals beside them. Throws `SQL_NOT_READING`, `SQL_FAILED`.
 */
export async function querySql(project: Project, sql: string, options: SqlOptions = {}): Promise<SqlResult> {
  const dataset = await project.dataset(options.dataset);
  return query(await project.duck(), dataset, await storedSignals(project, dataset), sql, options);
}

/** Rows that are read at once, in the form of {@link SqlResult}. */
export interface SqlBlock {
  columns: string[];
  rows: unknown[][];
}

/** {@link querySql}, block by block: what was read isn't kept. Blocks are empty only where there is no row at all. */
export async function streamSql(
  project: Project,
  sql: string,
  options: SqlOptions,
  visit: (block: SqlBlock) => Promise<void>,
): Promise<{ more: boolean }> {
  const dataset = await project.dataset(options.dataset);
  return queryBlocks(await project.duck(), dataset, await storedSignals(project, dataset), sql, options, visit);
}

/** {@link querySql} over a data set and the signals that are measured for it, wherever they come from. */
export async function query(
  duck: Duck,
  dataset: Dataset,
  signals: readonly StoredSignal[],
  sql: string,
  options: Omit<SqlOptions, 'dataset'> = {},
): Promise<SqlResult> {
  const result: SqlBlock = { columns: [], rows: [] };
  const { more } = await queryBlocks(duck, dataset, signals, sql, options, async ({ columns, rows }) => {
    result.columns = columns;
    for (const row of rows) result.rows.push(row);
  });
  return { ...result, more };
}

/** {@link query}, block by block. An abort interrupts the statement, wherever it is. */
export function queryBlocks(
  duck: Duck,
  dataset: Dataset,
  signals: readonly StoredSignal[],
  sql: string,
  { limit = Number.MAX_SAFE_INTEGER, signal }: Omit<SqlOptions, 'dataset'>,
  visit: (block: SqlBlock) => Promise<void>,
): Promise<{ more: boolean }> {
  return duck.alone(async (connection) => {
    const views: string[] = [];
    const interrupt = (): void => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      signal?.throwIfAborted();
      const statements = await connection.extractStatements(sql);
      if (statements.count !== 1) throw notReading('give exactly one statement');
      await makeSamplesTable(connection, dataset, sql, signal);
      await makeViews(connection, signals, sql, views);
      const prepared = await statements.prepare(0);
      if (!isReading(prepared.statementType, sql)) throw notReading('this statement changes something');
      const result = await prepared.stream();
      const columns = result.columnNames();
      let left = limit;
      for await (const block of result.yieldRowsJson()) {
        signal?.throwIfAborted();
        await visit({ columns, rows: block.slice(0, left) });
        if (block.length > left) return { more: true };
        left -= block.length;
      }
      if (left === limit) await visit({ columns, rows: [] });
      return { more: false };
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause instanceof WinnowError ? cause : sqlFailed(cause as Error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      for (const view of views.toReversed()) await connection.run(`DROP VIEW IF EXISTS ${name(view)}`);
      await connection.run('DROP TABLE IF EXISTS samples');
    }
  });
}

function sqlFailed(cause: Error): WinnowError {
  const message = cause.message.split('\n')[0]!;
  if (/^Out of Memory Error/i.test(message)) {
    return new WinnowError({
      code: 'SQL_MEMORY',
      message: `The statement needs more memory than it may take: ${message.replace(/^Out of Memory Error: /i, '')}`,
      hint: 'Read fewer columns or rows, or group them; what can be spilled to the disk has been.',
      cause,
    });
  }
  return new WinnowError({
    code: 'SQL_FAILED',
    message,
    hint: 'SHOW TABLES lists what there is, DESCRIBE samples its columns.',
    exitCode: 2,
    cause,
  });
}

/**
 * The view of each signal: its name with `_` for what SQL would have to be quoted, and a number behind it where that is
 * taken (of `a-b` and `a.b`, of `Loss` and `loss`, of `samples`), in the order of the names.
 */
export function viewNames(signals: readonly string[]): Map<string, string> {
  const taken = new Set(['samples', 'scored']);
  const plain = (signal: string): string => signal.replace(/[^A-Za-z0-9_]/g, '_');
  // A signal that is called as its view keeps that name.
  const order = [...new Set(signals)].sort(
    (a, b) => Number(plain(a) !== a) - Number(plain(b) !== b) || (a < b ? -1 : 1),
  );
  const views = new Map<string, string>();
  for (const signal of order) {
    let view = plain(signal);
    for (let n = 2; taken.has(view.toLowerCase()); n++) view = `${plain(signal)}_${n}`;
    taken.add(view.toLowerCase());
    views.set(signal, view);
  }
  return views;
}

/** One view a signal, and `scored`. Of two signals of one name, and of two columns of one name, the latest is meant. */
async function makeViews(
  connection: DuckDBConnection,
  signals: readonly StoredSignal[],
  sql: string,
  views: string[],
): Promise<void> {
  const isNamed = (view: string): boolean => sql.toLowerCase().includes(view.toLowerCase());
  const named = viewNames(signals.map(({ entry }) => entry.signal));
  const taken = new Set(SAMPLE_COLUMNS);
  const joins: string[] = [];
  const columns: string[] = [];
  for (const { entry, shards, command } of signals) {
    const paths = shards.filter((shard) => shard.done).map((shard) => shard.path);
    const files = paths.map(quote);
    const view = named.get(entry.signal)!;
    if (files.length === 0 || views.includes(view)) continue;
    if (isNamed(view) || isNamed('scored')) refuseDamaged(paths, command);
    await connection.run(
      `CREATE OR REPLACE TEMP VIEW ${name(view)} AS SELECT * FROM read_parquet([${files.join(', ')}])`,
    );
    views.push(view);
    joins.push(`LEFT JOIN ${name(view)} ON ${name(view)}.row = samples.row`);
    for (const column of entry.columns.filter((one) => !taken.has(one.name))) {
      taken.add(column.name);
      columns.push(`${name(view)}.${name(column.name)}`);
    }
  }
  await connection.run(
    `CREATE OR REPLACE TEMP VIEW scored AS SELECT ${['samples.*', ...columns].join(', ')} FROM samples ${joins.join(' ')}`,
  );
  views.push('scored');
}

/** 1: SELECT (also SHOW, DESCRIBE, SUMMARIZE). 4: EXPLAIN, of which EXPLAIN ANALYZE runs what it explains. */
function isReading(statementType: number, sql: string): boolean {
  return statementType === 1 || (statementType === 4 && /^\s*explain\s+(select|with|from)\b/i.test(sql));
}

function notReading(why: string): WinnowError {
  return new WinnowError({
    code: 'SQL_NOT_READING',
    message: `Only a single reading statement is run here: ${why}`,
    hint: 'Write a SELECT.',
    exitCode: 2,
  });
}
