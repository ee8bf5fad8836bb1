import { resolve } from 'node:path';
import { WinnowError } from '../../../base/errors.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import { projectOutputs } from '../../../store/outputs.ts';
import type { Project } from '../../../store/project.ts';
import { columnsNamed, type StoredSignal, storedSignals } from '../../../store/signals.ts';
import { openNpyArray } from './npy-array.ts';
import { openParquetFile } from './parquet-file.ts';
import type { ExportedColumn, ValueSink } from './sink.ts';
import { openCsv, openJsonLines } from './text-file.ts';

/** Rows that are in memory at once. */
const BLOCK_ROWS = 4096;

export interface SignalExportRequest {
  /** Columns, or signals with all of their columns; `signal.column` where two have one name. @default everything */
  names?: readonly string[] | undefined;
  /** `.parquet`, `.jsonl`, `.csv` or, for one column, `.npy`. */
  to: string;
  /** Replace a file that no command of the project wrote; sources and media of its data sets stay. @default false */
  force?: boolean | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  signal?: AbortSignal | undefined;
  progress?: (done: number, total: number, what: string) => void;
}

export interface SignalExportResult {
  file: string;
  dataset: string;
  columns: ExportedColumn[];
  rows: number;
}

/**
 * Writes columns that have been measured, with the ids of their samples, as a file for others. It appears whole or not
 * at all.
 *
 * @throws WinnowError `COLUMN_MISSING`, `SIGNAL_INCOMPLETE`, `FORMAT_UNSAID`, `FORMAT_CANNOT_HOLD`, `OUTPUT_EXISTS`
 */
export async function exportSignals(project: Project, request: SignalExportRequest): Promise<SignalExportResult> {
  const { names = [], signal, progress } = request;
  const file = resolve(request.to);
  const open = openerFor(file);
  const dataset = await project.dataset(request.dataset);
  const stored = await storedSignals(project, dataset);
  const wanted = columnsFor(stored, names);
  if (wanted.length === 0) {
    throw new WinnowError({
      code: 'COLUMN_MISSING',
      message: `Nothing has been measured for "${dataset.name}" yet.`,
      hint: 'Measure something first: winnow score loss',
      exitCode: 2,
    });
  }
  const guard = await projectOutputs(project, request);
  await guard.check(file);
  const read = (range: { start: number; end: number }) => columnsNamed(project, dataset, wanted, { stored, range });
  // The first rows say what the columns are, and whether all of them are there, before any file is begun.
  const first = await read({ start: 0, end: Math.min(BLOCK_ROWS, dataset.rows) });
  const columns = wanted.map((name) => ({ name, kind: first.columns[name]!.kind, width: first.columns[name]!.width }));
  const sink = await open(file, columns, dataset, project);
  try {
    for (let start = 0; start < dataset.rows; start += BLOCK_ROWS) {
      signal?.throwIfAborted();
      const end = Math.min(start + BLOCK_ROWS, dataset.rows);
      await sink.write(start === 0 ? first : await read({ start, end }), dataset.ids.slice(start, end));
      progress?.(end, dataset.rows, `signals of ${dataset.name}`);
    }
    await sink.commit(guard);
  } catch (error) {
    await sink.abort();
    throw error;
  }
  return { file, dataset: dataset.name, columns, rows: dataset.rows };
}

type Opener = (
  file: string,
  columns: readonly ExportedColumn[],
  dataset: Dataset,
  project: Project,
) => Promise<ValueSink>;

const OPENERS: Readonly<Record<string, Opener>> = {
  parquet: (file, columns, _, { paths }) => openParquetFile(file, columns, paths),
  jsonl: (file, columns) => openJsonLines(file, columns),
  csv: (file, columns) => openCsv(file, columns),
  npy: (file, columns, { rows }) => openNpyArray(file, columns, rows),
};

function openerFor(file: string): Opener {
  const opener = OPENERS[/\.([^./\\]+)$/.exec(file)?.[1]?.toLowerCase() ?? ''];
  if (opener !== undefined) return opener;
  throw new WinnowError({
    code: 'FORMAT_UNSAID',
    message: 'The name does not say what to write.',
    where: { file },
    hint: 'End it in .parquet, .jsonl, .csv or .npy.',
    exitCode: 2,
  });
}

/**
 * Names that columns are read by: of a signal all of its columns, with its name where a later signal has one of the
 * same name.
 */
function columnsFor(stored: readonly StoredSignal[], names: readonly string[]): string[] {
  const found = new Set<string>();
  const has = ({ entry }: StoredSignal, name: string): boolean => entry.columns.some((column) => column.name === name);
  const addAll = (signal: string): void => {
    for (const { entry } of stored.filter((one) => one.entry.signal === signal)) {
      for (const { name } of entry.columns) {
        const latest = stored.find((one) => has(one, name))!.entry.signal;
        found.add(latest === signal ? name : `${signal}.${name}`);
      }
    }
  };
  for (const name of names) {
    const isSignal = stored.some(({ entry }) => entry.signal === name);
    if (isSignal && !stored.some((one) => has(one, name))) addAll(name);
    else found.add(name);
  }
  if (names.length === 0) for (const { entry } of stored) addAll(entry.signal);
  return [...found];
}
