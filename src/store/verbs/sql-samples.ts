import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import type { Dataset } from '../../dataset/dataset.ts';
import { exactJson } from '../../dataset/exact-number.ts';
import { instructionOf, responseOf, type Sample } from '../../dataset/sample.ts';

/** Columns that the index knows. */
const FROM_INDEX: readonly (readonly [name: string, type: string])[] = [
  ['row', 'INTEGER'],
  ['id', 'VARCHAR'],
  ['source', 'VARCHAR'],
  ['text_only', 'BOOLEAN'],
  ['quarantined', 'BOOLEAN'],
];

/** Columns that the rows themselves must be read for. */
const FROM_ROWS: readonly (readonly [name: string, type: string])[] = [
  ['category', 'VARCHAR'],
  ['question', 'VARCHAR'],
  ['answer', 'VARCHAR'],
  ['text', 'VARCHAR'],
  ['turns', 'INTEGER'],
  ['images', 'INTEGER'],
  ['videos', 'INTEGER'],
  ['image', 'VARCHAR'],
  ['meta', 'VARCHAR'],
];

/** Columns of `samples`, whether a statement needs them or not. */
export const SAMPLE_COLUMNS: readonly string[] = [...FROM_INDEX, ...FROM_ROWS].map(([column]) => column);

/**
 * Make the table `samples`. The columns that cost a reading of all rows are there when the statement names one of them,
 * or names none (`SELECT *`, `DESCRIBE`): a count over a large data set must not read it.
 */
export async function makeSamplesTable(
  connection: DuckDBConnection,
  dataset: Dataset,
  sql: string,
  signal?: AbortSignal,
): Promise<void> {
  const reads = needsRows(sql);
  const columns = [...FROM_INDEX, ...(reads ? FROM_ROWS : [])].map(([column, type]) => `${column} ${type}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE samples (${columns.join(', ')})`);
  const appender = await connection.createAppender('samples');
  try {
    if (reads) {
      for await (const { start, samples } of dataset.batches({ signal })) {
        for (const [i, sample] of samples.entries()) {
          appendIndexed(appender, dataset, start + i);
          appendRead(appender, sample);
          appender.endRow();
        }
      }
    } else {
      for (let row = 0; row < dataset.rows; row++) {
        appendIndexed(appender, dataset, row);
        appender.endRow();
      }
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

function needsRows(sql: string): boolean {
  const counted = sql.replace(/count\s*\(\s*\*\s*\)/gi, '');
  const named = FROM_ROWS.some(([column]) => new RegExp(`\\b${column}\\b`, 'i').test(sql));
  return named || /\*|\bcolumns\s*\(|\b(summarize|describe|show|table)\b|(^|\()\s*from\b/i.test(counted);
}

function appendIndexed(appender: DuckDBAppender, dataset: Dataset, row: number): void {
  appender.appendInteger(row);
  appender.appendVarchar(dataset.ids[row]!);
  appendText(appender, dataset.sourceOf(row));
  appender.appendBoolean((dataset.rowFlags[row]! & 2) !== 0);
  appender.appendBoolean((dataset.rowFlags[row]! & 1) !== 0);
}

function appendRead(appender: DuckDBAppender, sample: Sample | null): void {
  if (sample === null) {
    for (const _ of FROM_ROWS) appender.appendNull();
    return;
  }
  const { messages, media, meta } = sample;
  const parts = messages.flatMap((message) => message.parts);
  appendText(appender, meta.category === undefined ? null : String(meta.category));
  appendText(appender, instructionOf(sample));
  appendText(appender, responseOf(sample));
  appendText(appender, parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'));
  appender.appendInteger(messages.length);
  appender.appendInteger(media.images.length);
  appender.appendInteger(media.videos.length);
  // An embedded image is a megabyte of base64 that nobody compares.
  appendText(appender, media.images[0]?.path.replace(/^(data:[^,]{0,80}),[\s\S]*$/i, '$1') ?? null);
  appendText(appender, exactJson(meta));
}

function appendText(appender: DuckDBAppender, text: string | null): void {
  if (text === null) appender.appendNull();
  else appender.appendVarchar(text);
}
