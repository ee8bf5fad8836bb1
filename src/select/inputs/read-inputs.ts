import { WinnowError } from '../../base/errors.ts';
import { type Dataset, type DatasetColumns, datasetColumns } from '../../dataset/dataset.ts';
import type { Column, WideColumn } from '../../numeric/columns.ts';
import { columnSuffix, type LossVariant } from '../../signals/measured/row-loss.ts';
import type { Project } from '../../store/project.ts';
import { readQuarantined } from '../../store/shard-read.ts';
import { columnsNamed, type FoundColumn, findColumns, type StoredSignal, storedSignals } from '../../store/signals.ts';
import { openWideColumn } from '../../store/wide-column.ts';
import type { SelectorInput } from '../selector.ts';
import { checkpointRates } from './checkpoint-rates.ts';
import type { ColumnOrigin } from './column-origin.ts';
import { refuseMixedLosses } from './comparable.ts';
import { columnMissing } from './free-embedding.ts';
import { scoreColumn } from './score-columns.ts';

/** Everything a selector needs of a project: columns by name, rows that can't be chosen, sources. */
export interface SelectionInputs {
  input: SelectorInput;
  /** Where each column came from. */
  from: Record<string, ColumnOrigin>;
  about: DatasetColumns;
  /** S of each row where a loss has been scored, nats/token. */
  necessity?: Float32Array | undefined;
  /** Loss without the image that S was taken from. */
  blindLoss?: Float32Array | undefined;
}

/**
 * Name of the stored column for a name that stands for a blind variant: `necessity` is `necessity_masked`, or what was
 * imported by that name where no loss was scored blind.
 */
export function storedName(stored: readonly StoredSignal[], name: string, blind?: string): string {
  if (name !== 'necessity' && name !== 'nll_blind') return name;
  const losses = stored.filter((signal) => signal.entry.signal === 'loss');
  const variants = [...new Set(losses.flatMap((loss) => (loss.entry.params.blind as LossVariant[] | undefined) ?? []))];
  if (blind !== undefined && variants.length > 0 && !variants.includes(blind as LossVariant)) {
    throw new WinnowError({
      code: 'BLIND_MISSING',
      message: `The loss was scored with the blind variant ${variants.join(', ')}, not with ${blind}.`,
      hint: `Run: winnow score loss${blind.startsWith('http-') ? ' --server ADDRESS' : ''} --blind ${blind}`,
    });
  }
  const isImported = (signal: StoredSignal): boolean => signal.entry.columns.some((column) => column.name === name);
  if (blind === undefined && variants.length === 0 && stored.some(isImported)) return name;
  return `${name}_${columnSuffix(blind ?? variants[0] ?? 'masked')}`;
}

/** Columns that may be read in blocks are, where they are larger than this in memory. */
const HELD_BYTES = 2 ** 28;

export interface ReadInputsOptions {
  /** Which blind variant of a loss is meant. */
  blind?: string | undefined;
  /** Called before a column is read, to measure what costs nothing. */
  prepare?: ((column: string) => Promise<void>) | undefined;
  /** Columns that everybody who needs them can read in blocks. @default none */
  streams?: ReadonlySet<string>;
  /**
   * Bytes up to which such a column is held in memory all the same, where passes over it cost nothing. @default 256 MiB
   */
  heldBytes?: number;
}

/**
 * Columns for a selector, by the names it uses.
 *
 * @throws WinnowError `COLUMN_MISSING` with the command that scores it; `LOSSES_MIXED`
 */
export async function readInputs(
  project: Project,
  dataset: Dataset,
  needs: readonly string[],
  { blind, prepare, streams = new Set(), heldBytes = HELD_BYTES }: ReadInputsOptions = {},
): Promise<SelectionInputs> {
  const about = datasetColumns(dataset);
  const columns: Record<string, Column> = {};
  const wide: Record<string, WideColumn> = {};
  const from: Record<string, ColumnOrigin> = {};
  for (const name of needs) await prepare?.(name);
  const stored = await storedSignals(project, dataset);
  const read = (more: readonly string[]) => readInputs(project, dataset, more, { blind, prepare });
  for (const name of needs) {
    const score = await scoreColumn(project, dataset, name, read);
    if (score !== undefined) {
      columns[name] = score.column;
      from[name] = score.from;
      continue;
    }
    const column = storedName(stored, name, blind);
    try {
      const [found] = await findColumns(project, dataset, [column], { stored });
      if (streams.has(name) && isLarge(found!, heldBytes)) wide[name] = openWideColumn(project, found!);
      else columns[name] = (await columnsNamed(project, dataset, [column], { stored })).columns[column]!;
      from[name] = { ...found!.stored.entry, column };
    } catch (error) {
      throw error instanceof WinnowError && error.code === 'COLUMN_MISSING'
        ? await columnMissing(project, name, error)
        : error;
    }
  }
  refuseMixedLosses(from);
  // A row that any signal found broken (its image can't be decoded, say) is broken for every method alike.
  const excluded = new Map(about.quarantined);
  for (const signal of stored) {
    for (const bad of await readQuarantined(project, signal)) excluded.set(bad.row, bad.reason);
  }
  const lossOf = (name: 'necessity' | 'nll_blind') => readLoss(project, dataset, stored, columns, name, blind);
  return {
    input: {
      rows: dataset.rows,
      columns,
      wide,
      rates: await checkpointRates(project, from),
      excluded,
      textOnly: about.textOnly,
      source: about.source,
    },
    from,
    about,
    necessity: await lossOf('necessity'),
    blindLoss: await lossOf('nll_blind'),
  };
}

const isLarge = ({ stored, column }: FoundColumn, heldBytes: number): boolean =>
  (column.kind === 'f32' || column.kind === 'f16') && stored.dataset.rows * column.width * 4 > heldBytes;

/** S or the loss without the image, where all rows have been measured. */
async function readLoss(
  project: Project,
  dataset: Dataset,
  stored: readonly StoredSignal[],
  columns: Record<string, Column>,
  given: 'necessity' | 'nll_blind',
  blind?: string,
): Promise<Float32Array | undefined> {
  const name = storedName(stored, given, blind);
  const there = columns[given] ?? columns[name];
  if (there?.kind === 'f32') return there.data;
  const isThere = stored.some(({ entry }) => entry.columns.some((column) => column.name === name));
  if (!isThere) return undefined;
  const found = await columnsNamed(project, dataset, [name], { stored }).catch((error) => {
    if (error instanceof WinnowError && error.code === 'SIGNAL_INCOMPLETE') return undefined;
    throw error;
  });
  const column = found?.columns[name];
  return column?.kind === 'f32' ? column.data : undefined;
}
