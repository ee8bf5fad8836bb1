import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { optionFlags, shellWord } from '../../../base/cli-flags.ts';
import { WinnowError } from '../../../base/errors.ts';
import type { Dataset } from '../../../dataset/dataset.ts';
import type { Column } from '../../../numeric/columns.ts';
import type { Project } from '../../../store/project.ts';
import type { ColumnRecord } from '../../../store/shard-file.ts';
import { planShards } from '../../../store/shard-plan.ts';
import { writeShard } from '../../../store/shards.ts';
import { isImported, recordSignal, storedSignals } from '../../../store/signals.ts';
import { signals } from '../../measured/registry.ts';
import { openNpyFile } from './npy-file.ts';
import type { IdRules, ValueFile } from './source.ts';
import { openTableFile, type TableFormat } from './table-file.ts';

export interface SignalImportRequest extends Partial<IdRules> {
  /** Parquet, JSON lines, CSV with a column of ids; `.npy` in the order of the rows. */
  file: string;
  /** Name of the signal, and of its column where the file has one. */
  as: string;
  /** @default id */
  idColumn?: string | undefined;
  /** Columns to take. @default all */
  columns?: readonly string[] | undefined;
  /** How vectors are stored. @default f16 for float16 arrays, else f32 */
  dtype?: 'f16' | 'f32' | undefined;
  /** What people should know of it wherever it is used: `truth of the generator`, `ratings of a teacher`. */
  note?: string | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Check everything, store nothing. @default false */
  dryRun?: boolean | undefined;
  signal?: AbortSignal | undefined;
  progress?: (done: number, total: number, what: string) => void;
}

/** What was imported; JSON. */
export interface SignalImportResult {
  signal: string;
  dataset: string;
  file: string;
  /** Of the file. */
  sha256: string;
  columns: ColumnRecord[];
  rows: number;
  /** Rows that got a value. */
  measured: number;
  /** Rows that can be read and got none. */
  missing: number;
  /** Rows without a finite value, by column; of a dry run nothing. */
  empty: Record<string, number>;
  /** Ids that were passed over. */
  unknown: number;
  /** Ids of which the first was taken. */
  duplicates: number;
  note: string | null;
  /** An earlier import of the name was replaced. */
  replaced: boolean;
  saved: boolean;
}

/**
 * Takes values that were measured elsewhere as a signal of a data set. Everything is checked before anything is stored;
 * an interrupted import goes on where it was, and its columns appear when all rows are there.
 *
 * @throws WinnowError `NOT_FOUND`, `SIGNAL_NAME_INVALID`, `SIGNAL_NAME_TAKEN`, `SIGNAL_FILE_INVALID`, and those about
 * ids and columns
 */
export async function importSignal(project: Project, request: SignalImportRequest): Promise<SignalImportResult> {
  const { as, dtype, note, progress, signal, dryRun = false } = request;
  const began = performance.now();
  checkSignalName(as);
  const file = resolve(request.file);
  const dataset = await project.dataset(request.dataset);
  await using values = await openFile(project, dataset, file, request);
  const sha256 = await hashFile(file, signal);
  const replaced = (await storedSignals(project, dataset)).some(
    ({ entry }) => entry.signal === as && isImported(entry),
  );
  const { measured, missing, unknown, duplicates, columns } = values;
  const result: SignalImportResult = {
    signal: as,
    dataset: dataset.name,
    file,
    sha256,
    columns,
    rows: dataset.rows,
    measured,
    missing,
    empty: {},
    unknown,
    duplicates,
    note: note ?? null,
    replaced,
    saved: !dryRun,
  };
  if (dryRun) return result;
  const { idColumn = 'id', columns: chosen } = request;
  const about = note ?? `imported from ${basename(file)}`;
  const plan = await planShards(project, dataset, {
    signal: as,
    version: 1,
    revision: sha256,
    params: {
      idColumn,
      columns: chosen === undefined ? undefined : [...chosen],
      dtype,
    },
    columns: columns.map(({ name, kind }) => ({ name, kind, measures: about })),
    media: false,
  });
  const what = `${as} of ${dataset.name}`;
  let next = 0;
  for await (const block of values.blocks(plan.shards)) {
    signal?.throwIfAborted();
    const shard = plan.shards[next++]!;
    if (!shard.done) await writeShard(project, plan, shard, block);
    for (const [name, column] of Object.entries(block.columns))
      result.empty[name] = (result.empty[name] ?? 0) + emptyRows(column);
    progress?.(shard.end, dataset.rows, what);
  }
  const { size } = statSync(file);
  await recordSignal(project, plan, {
    command: importCommand(request, file),
    model: null,
    params: plan.identity.params,
    seconds: (performance.now() - began) / 1000,
    rowsComputed: dataset.rows,
    imported: { file, sha256, bytes: size, note: note ?? null, missing, unknown, duplicates },
  });
  return result;
}

/** Rows of a column that nothing can be made of: no finite number, no text, an empty list. */
function emptyRows(column: Column): number {
  if (column.kind === 'i32') return 0;
  if (column.kind === 'text') return column.data.filter((value) => value === null).length;
  const { data } = column;
  const starts =
    column.kind === 'list'
      ? column.offsets
      : Uint32Array.from({ length: data.length / column.width + 1 }, (_, row) => row * column.width);
  let empty = 0;
  for (let row = 0; row + 1 < starts.length; row++) {
    if (data.subarray(starts[row], starts[row + 1]).every((value) => !Number.isFinite(value))) empty++;
  }
  return empty;
}

/** The command that imports the file again. */
function importCommand(
  { as, idColumn, columns, dtype, note, missing, unknown, duplicates }: SignalImportRequest,
  file: string,
): string {
  const options = { as, idColumn, columns, dtype, note, missing, unknown, duplicates };
  return `winnow signals import ${shellWord(file)}${optionFlags(options)}`;
}

async function openFile(
  project: Project,
  dataset: Dataset,
  file: string,
  {
    as,
    idColumn = 'id',
    columns,
    dtype,
    missing = 'error',
    unknown = 'error',
    duplicates = 'error',
  }: SignalImportRequest,
): Promise<ValueFile> {
  const format = formatOf(file);
  const half = dtype === undefined ? undefined : dtype === 'f16';
  if (format !== 'npy') {
    return openTableFile(project, dataset, {
      file,
      format,
      as,
      idColumn,
      columns,
      half,
      rules: { missing, unknown, duplicates },
    });
  }
  if (columns === undefined) return openNpyFile(file, dataset, as, half);
  throw new WinnowError({
    code: 'USAGE',
    message: 'An .npy array has no columns to choose.',
    where: { file },
    hint: 'Leave --columns out.',
    exitCode: 2,
  });
}

/** By the first bytes, else by the extension. */
function formatOf(file: string): TableFormat | 'npy' {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new WinnowError({
      code: 'NOT_FOUND',
      message: 'There is no such file.',
      where: { file },
      hint: 'Check the path.',
      exitCode: 2,
    });
  }
  const head = Buffer.alloc(6);
  const fd = openSync(file, 'r');
  try {
    if (readSync(fd, head, 0, 6, 0) === 0) {
      throw new WinnowError({
        code: 'FILE_EMPTY',
        message: 'This file is empty.',
        where: { file },
        hint: 'Check what should have written it.',
        exitCode: 2,
      });
    }
  } finally {
    closeSync(fd);
  }
  if (head.toString('latin1', 0, 4) === 'PAR1') return 'parquet';
  if (head.toString('latin1') === '\x93NUMPY') return 'npy';
  const extension = /\.(parquet|jsonl|ndjson|json|csv|npy)(\.gz)?$/i.exec(file)?.[1]?.toLowerCase();
  if (extension === 'csv' || extension === 'parquet' || extension === 'npy') return extension;
  if (extension !== undefined) return 'jsonl';
  throw new WinnowError({
    code: 'SIGNAL_FILE_INVALID',
    message: 'What kind of file this is can be seen neither from its name nor from its first bytes.',
    where: { file },
    hint: 'Values come as .parquet, .jsonl, .csv or .npy.',
    exitCode: 2,
  });
}

async function hashFile(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file, { signal })) hash.update(part as Buffer);
  return hash.digest('hex');
}

/** @throws WinnowError `SIGNAL_NAME_INVALID`, `SIGNAL_NAME_TAKEN` */
function checkSignalName(as: string): void {
  // Every table of a signal has columns "row" and "id".
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(as) || /^(row|id|samples|scored)$/i.test(as)) {
    throw new WinnowError({
      code: 'SIGNAL_NAME_INVALID',
      message: `"${as}" can't be the name of a signal.`,
      hint: 'Use letters, digits, ".", "_" and "-"; row, id, samples and scored are taken.',
      exitCode: 2,
    });
  }
  if (!signals.some(({ name }) => name === as)) return;
  throw new WinnowError({
    code: 'SIGNAL_NAME_TAKEN',
    message: `"${as}" is a signal that Winnow measures itself.`,
    hint: 'Give the import another name; a file of several columns keeps their names, so that methods find them.',
    exitCode: 2,
  });
}
