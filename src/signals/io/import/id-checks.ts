import type { DuckDBConnection } from '@duckdb/node-api';
import { WinnowError } from '../../../base/errors.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import type { IdRules } from './source.ts';

/** Ids that an error names at most. */
const NAMED = 5;

/** Table `ids` of a data set: its rows by id, and whether the row can be read. */
export async function makeIdTable(connection: DuckDBConnection, dataset: Dataset): Promise<void> {
  await connection.run('CREATE TEMP TABLE ids (id VARCHAR, row INTEGER, usable BOOLEAN)');
  const appender = await connection.createAppender('ids');
  try {
    for (let row = 0; row < dataset.rows; row++) {
      appender.appendVarchar(dataset.ids[row]!);
      appender.appendInteger(row);
      appender.appendBoolean((dataset.rowFlags[row]! & 1) === 0);
      appender.endRow();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

/**
 * Compares the ids of a file (view `given`, column `id`) with table `ids`.
 *
 * @throws WinnowError `IDS_EMPTY`, `IDS_DUPLICATE`, `IDS_UNKNOWN`, `IDS_MISSING`, each with the first of them
 */
export async function checkIds(
  connection: DuckDBConnection,
  dataset: Dataset,
  file: string,
  rules: IdRules,
): Promise<{ measured: number; missing: number; unknown: number; duplicates: number }> {
  const find = async (query: string): Promise<{ count: number; some: string[] }> => {
    const reader = await connection.runAndReadAll(
      `SELECT count(*), list(id)[:${NAMED}] FROM (SELECT id FROM (${query}) ORDER BY id)`,
    );
    const [count, some] = reader.getRowsJson()[0] as [string | number, string[] | null];
    return { count: Number(count), some: some ?? [] };
  };
  const refuse = (code: string, { count, some }: { count: number; some: string[] }, what: string, hint: string) => {
    const ids = some.map((id) => `"${id}"`).join(', ');
    return new WinnowError({
      code,
      message: `${count} ${count === 1 ? 'id' : 'ids'} ${what}: ${ids}${count > some.length ? ', ...' : ''}.`,
      where: { file },
      hint,
      exitCode: 2,
    });
  };
  const empty = await find("SELECT 'NULL' AS id FROM given WHERE id IS NULL");
  if (empty.count > 0) {
    throw new WinnowError({
      code: 'IDS_EMPTY',
      message: `${empty.count} of its rows without an id.`,
      where: { file },
      hint: 'Give every row the id of its sample, or name the right column with --id-column.',
      exitCode: 2,
    });
  }
  const twice = await find('SELECT id FROM given GROUP BY id HAVING count(*) > 1');
  if (twice.count > 0 && rules.duplicates === 'error') {
    throw refuse(
      'IDS_DUPLICATE',
      twice,
      'given more than once',
      'Give each id once, or take the first with --duplicates first.',
    );
  }
  const unknown = await find('SELECT DISTINCT id FROM given ANTI JOIN ids USING (id)');
  if (unknown.count > 0 && rules.unknown === 'error') {
    const known = `Ids of "${dataset.name}" look like "${dataset.ids[0] ?? ''}".`;
    throw refuse('IDS_UNKNOWN', unknown, `not in "${dataset.name}"`, `${known} Leave them out with --unknown ignore.`);
  }
  const missing = await find('SELECT id FROM ids ANTI JOIN given USING (id) WHERE usable');
  if (missing.count > 0 && rules.missing === 'error') {
    throw refuse(
      'IDS_MISSING',
      missing,
      `of "${dataset.name}" without a value`,
      'Add them, or fill them with NaN by --missing nan.',
    );
  }
  const { count: measured } = await find('SELECT id FROM ids SEMI JOIN given USING (id)');
  return { measured, missing: missing.count, unknown: unknown.count, duplicates: twice.count };
}
