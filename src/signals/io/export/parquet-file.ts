import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection, DuckDBVector } from '@duckdb/node-api';
import { name, openDuck, quote } from '../../../base/duckdb.ts';
import { temporaryName } from '../../../base/files/atomic.ts';
import { withDiskErrors } from '../../../base/files/disk-errors.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import type { Column, ColumnBlock } from '../../../numeric/columns.ts';
import type { ProjectPaths } from '../../../store/paths.ts';
import type { ExportedColumn, ValueSink } from './sink.ts';

/** Rows of a chunk of DuckDB's. */
const CHUNK = 2048;
/** Columns of the staging table that holds one number of a vector each. */
const TYPES: Readonly<Record<Column['kind'], string>> = {
  f32: 'FLOAT',
  i32: 'INTEGER',
  text: 'VARCHAR',
  list: 'FLOAT[]',
};

/** Parquet (zstd): `id`, and each column as FLOAT, INTEGER, VARCHAR or FLOAT[]; NaN is NULL. */
export async function openParquetFile(
  path: string,
  columns: readonly ExportedColumn[],
  paths: ProjectPaths,
): Promise<ValueSink> {
  makeFolder(dirname(path));
  const duck = await openDuck({ folder: paths.root, also: [dirname(path)], temporary: paths.temporary });
  const fields = columns.map((column) => `${name(column.name)} ${TYPES[column.kind]}${isVector(column) ? '[]' : ''}`);
  await duck.alone((connection) => connection.run(`CREATE TEMP TABLE out (id VARCHAR, ${fields.join(', ')})`));
  const temporary = temporaryName(path);
  return {
    write: (block, ids) =>
      withDiskErrors(path, () => duck.alone((connection) => insert(connection, columns, block, ids))),
    async commit(guard) {
      await withDiskErrors(path, () =>
        duck.alone((connection) =>
          connection.run(`COPY out TO ${quote(temporary)} (FORMAT parquet, COMPRESSION zstd)`),
        ),
      );
      await guard.commit([{ temporary, path }]);
      duck.close();
    },
    async abort() {
      duck.close();
      await rm(temporary, { force: true });
    },
  };
}

/** DuckDB's vector of floats, whose numbers its types keep to themselves. */
type FloatVector = DuckDBVector<number> & { items: Float32Array };

function isVector({ kind, width }: ExportedColumn): boolean {
  return kind === 'f32' && width > 1;
}

/**
 * A block by way of a staging table in which every number of a vector is a column: whole columns are copied as arrays,
 * which takes a twelfth of the time that lists do one by one.
 */
async function insert(
  connection: DuckDBConnection,
  columns: readonly ExportedColumn[],
  block: ColumnBlock,
  ids: readonly string[],
): Promise<void> {
  const { DuckDBDataChunk, DuckDBListValue, FLOAT, INTEGER, LIST, VARCHAR } = await import('@duckdb/node-api');
  const types = { f32: FLOAT, i32: INTEGER, text: VARCHAR, list: LIST(FLOAT) };
  const staged = columns.flatMap((column, c) =>
    Array.from({ length: isVector(column) ? column.width : 1 }, (_, j) => ({ column, field: `c${c}_${j}`, j })),
  );
  const fields = staged.map(({ column, field }) => `${field} ${TYPES[column.kind]}`);
  await connection.run(`CREATE TEMP TABLE stage (id VARCHAR, ${fields.join(', ')})`);
  try {
    const appender = await connection.createAppender('stage');
    try {
      for (let start = 0; start < block.rows; start += CHUNK) {
        const rows = Math.min(CHUNK, block.rows - start);
        const chunk = DuckDBDataChunk.create([VARCHAR, ...staged.map(({ column }) => types[column.kind])], rows);
        chunk.setColumnValues(0, ids.slice(start, start + rows));
        staged.forEach(({ column, j }, c) => {
          const values = block.columns[column.name]!;
          if (values.kind === 'f32') {
            const vector = chunk.getColumnVector(c + 1) as unknown as FloatVector;
            for (let i = 0; i < rows; i++) {
              const value = values.data[(start + i) * values.width + j]!;
              if (Number.isNaN(value)) vector.setItem(i, null);
              else vector.items[i] = value;
            }
            vector.flush();
            return;
          }
          const cells = Array.from({ length: rows }, (_, i) => {
            if (values.kind !== 'list') return values.data[start + i]!;
            const own = values.data.subarray(values.offsets[start + i]!, values.offsets[start + i + 1]!);
            return new DuckDBListValue(Array.from(own, (value) => (Number.isNaN(value) ? null : value)));
          });
          chunk.setColumnValues(c + 1, cells);
        });
        appender.appendDataChunk(chunk);
      }
      appender.flushSync();
    } finally {
      appender.closeSync();
    }
    const values = columns.map((column, c) => {
      if (!isVector(column)) return `c${c}_0`;
      const parts = Array.from({ length: column.width }, (_, j) => `c${c}_${j}`);
      return `CASE WHEN ${parts[0]} IS NULL AND list_count([${parts.join(', ')}]) = 0 THEN NULL ELSE [${parts.join(', ')}] END`;
    });
    await connection.run(`INSERT INTO out SELECT id, ${values.join(', ')} FROM stage`);
  } finally {
    await connection.run('DROP TABLE stage');
  }
}
