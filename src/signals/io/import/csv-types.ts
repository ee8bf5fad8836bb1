import type { DuckDBConnection } from '@duckdb/node-api';
import { name, quote } from '../../../base/duckdb.ts';

/** How other programs write that there is no number; R and pandas among them. */
const NOTHING = ['NA', 'N/A', '#N/A', 'n/a', '<NA>', 'NaN', 'nan', 'NAN', '-nan', 'NULL', 'null', 'None', 'NaT'];
const NUMBERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BOOLEAN|FLOAT|DOUBLE|DECIMAL\(.*\))$/;

/** Columns of a CSV file that are more than the text that they were read as. */
export interface CsvTypes {
  /** Type by column. */
  types: Map<string, string>;
  /** What makes the value of a column that was read as text; absent: the column as it is. */
  values: Map<string, string>;
}

/**
 * Types of a CSV file's columns: numbers stay numbers where some rows say `NA`, and lists in brackets, as vectors are
 * exported, are lists. A column without a name is left out unless it is asked for: pandas writes its index so.
 *
 * @param scan what reads the file, with further options
 */
export async function csvTypes(
  connection: DuckDBConnection,
  described: ReadonlyMap<string, string>,
  asked: readonly string[],
  scan: (options: string) => string,
): Promise<CsvTypes> {
  const types = new Map(described);
  const values = new Map<string, string>();
  const header = (
    await connection.runAndReadAll(`SELECT * FROM ${scan('header = false, all_varchar = true')} LIMIT 1`)
  ).getRows()[0];
  for (const [i, column] of [...described.keys()].entries()) {
    const isUnnamed = (header?.[i] ?? '') === '' && /^column\d+$/.test(column);
    if (isUnnamed && !asked.includes(column)) types.delete(column);
  }
  const without = await connection.runAndReadAll(
    `DESCRIBE SELECT * FROM ${scan(`header = true, nullstr = [${['', ...NOTHING].map(quote).join(', ')}]`)}`,
  );
  const numbers = new Map(without.getRows().map(([column, type]) => [String(column), String(type)]));
  for (const [column, type] of types) {
    if (type !== 'VARCHAR') continue;
    const c = name(column);
    const other = numbers.get(column) ?? '';
    if (NUMBERS.test(other)) {
      types.set(column, other);
      values.set(column, `CAST(CASE WHEN ${c} NOT IN (${NOTHING.map(quote).join(', ')}) THEN ${c} END AS ${other})`);
      continue;
    }
    const list = `TRY_CAST(${c} AS FLOAT[])`;
    const [bad, most] = (
      await connection.runAndReadAll(
        `SELECT count(*) FILTER (${c} IS NOT NULL AND (${c} NOT LIKE '[%]' OR ${list} IS NULL)), max(len(${list})) FROM ${scan('header = true')}`,
      )
    ).getRows()[0]!;
    if (Number(bad) > 0 || Number(most ?? 0) === 0) continue;
    types.set(column, 'FLOAT[]');
    values.set(column, `CAST(${c} AS FLOAT[])`);
  }
  return { types, values };
}
