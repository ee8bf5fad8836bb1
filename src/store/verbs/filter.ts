import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Duck, openDuck } from '../../base/duckdb.ts';
import { WinnowError } from '../../base/errors.ts';
import { systemTemporary } from '../../base/files/atomic.ts';
import type { OutputGuard } from '../../base/files/output-guard.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import {
  type InputOptions,
  type Output,
  type OutputOptions,
  openInput,
  samplesOf,
  writeOutput,
} from '../../dataset/verbs/transform.ts';
import { projectOutputs } from '../outputs.ts';
import type { Project } from '../project.ts';
import { type StoredSignal, storedSignals } from '../signals.ts';
import { queryBlocks } from './sql.ts';

export interface FilterRequest extends OutputOptions {
  /** A condition on a row's columns, or a SELECT with a column `row` or `id`. */
  sql: string;
  /** File or folder to write. */
  out: string;
}

export interface FilterResult extends Output {
  input: string;
  /** Rows of the data set. */
  of: number;
  /** Rows that were asked for, but can't be read. */
  setAside: number;
}

/** Write the rows of a project's data set that a statement asks for; it sees the samples and every signal. */
export async function filterProject(
  project: Project,
  request: FilterRequest & { dataset?: string | undefined },
): Promise<FilterResult> {
  const dataset = await project.dataset(request.dataset);
  const found = await rowsFor(await project.duck(), dataset, await storedSignals(project, dataset), request);
  return write(dataset, found, { ...request, guard: await projectOutputs(project, request) });
}

/** The same for a file or folder without a project. */
export async function filterFile(request: FilterRequest & InputOptions & { input: string }): Promise<FilterResult> {
  const dataset = await openInput(request.input, request, request);
  const temporary = systemTemporary('winnow-filter');
  await mkdir(temporary);
  try {
    const duck = await openDuck({ folder: temporary, temporary: join(temporary, 'tmp') });
    try {
      return await write(dataset, await rowsFor(duck, dataset, [], request), request);
    } finally {
      duck.close();
    }
  } finally {
    await dataset.close();
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * A statement stays as it is; a condition (`WHERE` may stand before it) is asked of every row, in the order of the
 * rows.
 */
function statement(sql: string): string {
  if (/^\s*(select|with|from)\b/i.test(sql)) return sql;
  // The newline ends a comment that would swallow the bracket.
  return `SELECT row FROM scored WHERE (${sql.replace(/^\s*where\b/i, '').replace(/;\s*$/, '')}\n) ORDER BY row`;
}

async function write(
  dataset: Dataset,
  rows: readonly number[],
  request: FilterRequest & { guard?: OutputGuard },
): Promise<FilterResult> {
  const good = rows.filter((row) => (dataset.rowFlags[row]! & 1) === 0);
  if (good.length === 0) {
    throw new WinnowError({
      code: 'FILTER_EMPTY',
      message: `No row of ${dataset.rows} fits, so that nothing was written.`,
      where: { file: dataset.path },
      hint: 'Look at the columns first: winnow sql "SUMMARIZE samples".',
    });
  }
  const written = await writeOutput(samplesOf(dataset, good, request), {
    ...request,
    like: dataset.format,
    inputs: [dataset],
    scope: dataset,
  });
  return { ...written, input: dataset.path, of: dataset.rows, setAside: rows.length - good.length };
}

/** Rows that the statement asks for, in the order of its result, each once. */
async function rowsFor(
  duck: Duck,
  dataset: Dataset,
  signals: readonly StoredSignal[],
  { sql, signal }: FilterRequest,
): Promise<number[]> {
  const wanted = new Set<number>();
  await queryBlocks(duck, dataset, signals, statement(sql), { signal }, async ({ columns, rows }) => {
    const byRow = columns.indexOf('row');
    const byId = columns.indexOf('id');
    if (byRow < 0 && byId < 0) throw saysNoRows(columns);
    for (const values of rows) {
      const row = byRow >= 0 ? Number(values[byRow] ?? -1) : dataset.rowOf(String(values[byId]));
      if (Number.isInteger(row) && row >= 0 && row < dataset.rows) wanted.add(row);
    }
  });
  return [...wanted];
}

function saysNoRows(columns: readonly string[]): WinnowError {
  return new WinnowError({
    code: 'FILTER_COLUMNS',
    message: `The statement gives ${columns.join(', ')}, which does not say what rows are meant.`,
    hint: 'Give a condition, or select "row" or "id".',
    exitCode: 2,
  });
}
