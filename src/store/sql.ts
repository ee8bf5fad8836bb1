import { name, quote } from '../dataset/duck.ts';
import { WinnowError } from '../dataset/errors.ts';
import type { Project } from './project.ts';
import { storedSignals } from './signals.ts';

export interface SqlResult {
  columns: string[];
  /** Values as JSON: numbers, strings, booleans, null, lists; 64-bit integers as strings. */
  rows: unknown[][];
}

/**
 * Run one reading statement over the project: view `samples` (row, id, source, text_only, quarantined) of a data set, and one view
 * for each signal measured for it (as it was measured last), named as the signal (`-` becomes `_`). Throws `SQL_NOT_READING`, `SQL_FAILED`.
 */
export async function querySql(
  project: Project,
  sql: string,
  options: { dataset?: string; limit?: number } = {},
): Promise<SqlResult> {
  const dataset = await project.dataset(options.dataset);
  const signals = await storedSignals(project, dataset);
  const duck = await project.duck();
  return duck.alone(async (connection) => {
    try {
      const statements = await connection.extractStatements(sql);
      if (statements.count !== 1) throw notReading('give exactly one statement');
      // The latest of a name comes first, so that its view is the one that stays.
      for (const stored of signals.toReversed()) {
        const files = stored.shards.filter((shard) => shard.done).map((shard) => quote(shard.path));
        if (files.length === 0) continue;
        const view = stored.entry.signal.replace(/[^A-Za-z0-9_]/g, '_');
        await connection.run(
          `CREATE OR REPLACE TEMP VIEW ${name(view)} AS SELECT * FROM read_parquet([${files.join(', ')}])`,
        );
      }
      await connection.run(
        'CREATE OR REPLACE TEMP TABLE samples (row INTEGER, id VARCHAR, source VARCHAR, text_only BOOLEAN, quarantined BOOLEAN)',
      );
      const appender = await connection.createAppender('samples');
      for (let row = 0; row < dataset.rows; row++) {
        appender.appendInteger(row);
        appender.appendVarchar(dataset.ids[row]!);
        const source = dataset.sourceOf(row);
        if (source === null) appender.appendNull();
        else appender.appendVarchar(source);
        appender.appendBoolean((dataset.rowFlags[row]! & 2) !== 0);
        appender.appendBoolean((dataset.rowFlags[row]! & 1) !== 0);
        appender.endRow();
      }
      appender.flushSync();
      appender.closeSync();
      const prepared = await statements.prepare(0);
      // 1: SELECT (also SHOW, DESCRIBE, SUMMARIZE); 4: EXPLAIN.
      if (prepared.statementType !== 1 && prepared.statementType !== 4)
        throw notReading('this statement changes something');
      const reader = await prepared.runAndReadUntil(options.limit ?? Number.MAX_SAFE_INTEGER);
      const rows = reader.getRowsJson() as unknown[][];
      return { columns: reader.columnNames(), rows: options.limit === undefined ? rows : rows.slice(0, options.limit) };
    } catch (cause) {
      if (cause instanceof WinnowError) throw cause;
      throw new WinnowError({
        code: 'SQL_FAILED',
        message: (cause as Error).message.split('\n')[0]!,
        hint: 'SHOW TABLES lists what there is.',
        exitCode: 2,
        cause,
      });
    } finally {
      await connection.run('DROP TABLE IF EXISTS samples');
    }
  });
}

function notReading(why: string): WinnowError {
  return new WinnowError({
    code: 'SQL_NOT_READING',
    message: `only a single reading statement is run here: ${why}`,
    hint: 'Write a SELECT.',
    exitCode: 2,
  });
}
