import { type DatasetColumns, datasetColumns } from '../dataset/dataset.ts';
import { WinnowError } from '../dataset/errors.ts';
import type { BlindVariant } from '../models/types.ts';
import type { Column } from '../numeric/columns.ts';
import type { SignalEntry } from '../store/lineage.ts';
import type { Project } from '../store/project.ts';
import { checkName, saveSelection } from '../store/selections.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { columnsNamed, type StoredSignal, storedSignals } from '../store/signals.ts';
import {
  type Baseline,
  compositionOf,
  meanOf,
  poolRows,
  randomBaseline,
  type SubsetStatistic,
  shareOf,
} from './baseline.ts';
import { type Budget, parseBudget } from './budget.ts';
import { columnMissing, embedWhereFree } from './embed-text.ts';
import { necessityClass } from './necessity-class.ts';
import { findSelector, parseOptions } from './registry.ts';
import type { Selection, SelectorInput } from './selector.ts';

export interface SelectRequest {
  /** `visnec`, `random`, `top`. */
  method: string;
  /** `15%` of the data set's rows, or a number of samples. @default the project's default */
  budget?: string | number | undefined;
  /** Options of the method; what is left out takes its default. */
  options?: Record<string, unknown>;
  /** @default the project's default, else 42 */
  seed?: number | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Name to save under. @default `<method>-<budget>-s<seed>` */
  name?: string | undefined;
  /** Which blind loss `necessity` is taken from: masked, drop, remove. @default the first variant of the newest loss */
  blind?: string | undefined;
  /** Data set of the project that stands for the target, for methods that aim at one: less, icons, rds-plus, datainf. */
  reference?: string | undefined;
  /** Choose, but save nothing. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

/** A selection with its name, its composition and the random subsets beside it; JSON but for `selection`. */
export interface SelectResult {
  name: string;
  dataset: string;
  method: string;
  options: Readonly<Record<string, unknown>>;
  seed: number;
  budget: string;
  rows: number;
  requested: number;
  returned: number;
  shortfall?: { missing: number; because: string };
  perCluster: Selection['perCluster'];
  notes: string[];
  /** The same statistics of the whole data set, of the selection, and of random subsets of its size. */
  statistics: { pool: Record<string, number>; selection: Record<string, number>; random: Baseline[] };
  ids: string[];
  saved: boolean;
}

/** What every selection is measured by: mean necessity, share of each class, share of each source. */
function subsetStatistics(
  necessity: Float32Array | undefined,
  source: readonly (string | null)[],
  threshold: number,
): Record<string, SubsetStatistic> {
  const shares = Object.entries(compositionOf(source)).map(([name, share]) => [`source/${name}`, share] as const);
  if (necessity === undefined) return Object.fromEntries(shares);
  const share = (wanted: string): SubsetStatistic =>
    shareOf(Uint8Array.from(necessity, (s) => (necessityClass(s, threshold) === wanted ? 1 : 0)));
  return {
    necessity: meanOf(necessity),
    critical: share('critical'),
    redundant: share('redundant'),
    misaligned: share('misaligned'),
    ...Object.fromEntries(shares),
  };
}

/** Everything a selector needs of a project: columns by name, rows that can't be chosen, sources. */
export interface SelectionInputs {
  input: SelectorInput;
  /** Signal that each column came from. */
  from: Record<string, SignalEntry>;
  about: DatasetColumns;
  /** S of each row where a loss has been scored, nats/token. */
  necessity?: Float32Array;
}

/** Name of the stored column for a name that stands for a blind variant: `necessity` is `necessity_masked`. */
function storedName(stored: readonly StoredSignal[], name: string, blind?: string): string {
  if (name !== 'necessity' && name !== 'nll_blind') return name;
  const losses = stored.filter((signal) => signal.entry.signal === 'loss');
  const variants = [
    ...new Set(losses.flatMap((loss) => (loss.entry.params.blind as BlindVariant[] | undefined) ?? [])),
  ];
  if (blind !== undefined && variants.length > 0 && !variants.includes(blind as BlindVariant)) {
    throw new WinnowError({
      code: 'BLIND_MISSING',
      message: `The loss was scored with the blind variant ${variants.join(', ')}, not with ${blind}.`,
      hint: `Run: winnow score loss --blind ${blind}`,
    });
  }
  return `${name}_${blind ?? variants[0] ?? 'masked'}`;
}

type SelectDataset = Awaited<ReturnType<Project['dataset']>>;

/**
 * Columns for a selector, by the names it uses.
 *
 * @param prepare called before a column is read, to measure what costs nothing
 * @throws WinnowError `COLUMN_MISSING` with the command that scores it
 */
export async function readInputs(
  project: Project,
  dataset: SelectDataset,
  needs: readonly string[],
  blind?: string,
  prepare?: (column: string) => Promise<void>,
): Promise<SelectionInputs> {
  const about = datasetColumns(dataset);
  const columns: Record<string, Column> = {};
  const from: Record<string, SignalEntry> = {};
  for (const name of needs) await prepare?.(name);
  const stored = await storedSignals(project, dataset);
  for (const name of needs) {
    const column = storedName(stored, name, blind);
    const block = await columnsNamed(project, dataset, [column], { stored }).catch((error) => {
      throw error instanceof WinnowError && error.code === 'COLUMN_MISSING' ? columnMissing(name, error) : error;
    });
    columns[name] = block.columns[column]!;
    from[name] = block.from[column]!;
  }
  // A row that any signal found broken (its image can't be decoded, say) is broken for every method alike.
  const excluded = new Map(about.quarantined);
  for (const signal of stored) {
    for (const bad of await readQuarantined(project, signal)) excluded.set(bad.row, bad.reason);
  }
  const necessity = await readNecessity(project, dataset, stored, columns, blind);
  return {
    input: { rows: dataset.rows, columns, excluded, textOnly: about.textOnly, source: about.source },
    from,
    about,
    ...(necessity === undefined ? {} : { necessity }),
  };
}

async function readNecessity(
  project: Project,
  dataset: SelectDataset,
  stored: readonly StoredSignal[],
  columns: Record<string, Column>,
  blind?: string,
): Promise<Float32Array | undefined> {
  const name = storedName(stored, 'necessity', blind);
  const there = columns.necessity ?? columns[name];
  if (there?.kind === 'f32') return there.data;
  const found = await columnsNamed(project, dataset, [name], { stored }).catch((error) => {
    if (error instanceof WinnowError && ['COLUMN_MISSING', 'SIGNAL_INCOMPLETE'].includes(error.code)) return undefined;
    throw error;
  });
  const column = found?.columns[name];
  return column?.kind === 'f32' ? column.data : undefined;
}

/** @throws WinnowError `SEED_INVALID` */
function checkSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0 && seed <= 0xffffffff) return;
  throw new WinnowError({
    code: 'SEED_INVALID',
    message: `A seed is a whole number from 0 to 4294967295, got ${seed}.`,
    hint: 'Give for example --seed 42.',
    exitCode: 2,
  });
}

/** The budget of a request or of the project, against the pool. @throws WinnowError `BUDGET_MISSING`, `BUDGET_INVALID` */
function readBudget(given: string | number | undefined, dataset: SelectDataset): Budget {
  if (given === undefined) {
    throw new WinnowError({
      code: 'BUDGET_MISSING',
      message: 'A selection needs a budget.',
      hint: 'Give for example --budget 15%, or set a default in winnow.yaml.',
      exitCode: 2,
    });
  }
  const budget = parseBudget(given, dataset.rows);
  if (budget.count > 0) return budget;
  throw new WinnowError({
    code: 'BUDGET_INVALID',
    message: `A budget of ${budget.text} of ${dataset.rows} rows keeps no sample at all.`,
    hint: 'Give a larger one.',
    exitCode: 2,
  });
}

/** @throws WinnowError `REFERENCE_MISSING` */
async function readReference(
  project: Project,
  { method, reference, blind }: SelectRequest,
  needs: readonly string[],
): Promise<SelectorInput> {
  if (reference === undefined) {
    throw new WinnowError({
      code: 'REFERENCE_MISSING',
      message: `${method} compares the pool with samples of a target, and no data set was named for it.`,
      hint: 'Import the target as a second data set, measure the same columns for it, and give --reference NAME.',
      exitCode: 2,
    });
  }
  const { input } = await readInputs(project, await project.dataset(reference), needs, blind);
  return input;
}

/** Choose a subset, measure it beside random subsets of the same size, and save it under its name. */
export async function runSelection(project: Project, request: SelectRequest): Promise<SelectResult> {
  const { method, signal, progress, dryRun = false } = request;
  const defaults = project.config().defaults;
  const seed = request.seed ?? defaults.seed ?? 42;
  checkSeed(seed);
  const selector = findSelector(method);
  const given = { ...(defaults.textOnly === undefined ? {} : { textOnly: defaults.textOnly }), ...request.options };
  const options = parseOptions(selector, given);
  const dataset = await project.dataset(request.dataset);
  const budget = readBudget(request.budget ?? defaults.budget, dataset);
  if (request.name !== undefined) checkName(request.name);
  const embedded: string[] = [];
  const prepare = async (column: string): Promise<void> => {
    const note = await embedWhereFree(project, dataset, column, {
      ...(signal === undefined ? {} : { signal }),
      ...(progress === undefined ? {} : { progress }),
    });
    if (note !== undefined) embedded.push(note);
  };
  const needs = selector.needs(options);
  const { input, from, about, necessity } = await readInputs(
    project,
    dataset,
    needs,
    request.blind,
    dryRun ? undefined : prepare,
  );
  if (selector.referenceNeeds !== undefined) {
    input.reference = await readReference(project, request, selector.referenceNeeds(options));
  } else if (request.reference !== undefined) {
    throw new WinnowError({
      code: 'REFERENCE_UNUSED',
      message: `${method} does not compare with a second data set.`,
      hint: 'Leave --reference out, or use less, icons, rds-plus or datainf.',
      exitCode: 2,
    });
  }
  const selection = await selector.select(input, options, {
    budget: budget.count,
    seed,
    ...(budget.fraction === undefined ? {} : { fraction: budget.fraction }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
  const threshold = typeof options.threshold === 'number' ? options.threshold : 0.05;
  const statistics = subsetStatistics(necessity, about.source, threshold);
  const measure = (rows: Int32Array) =>
    Object.fromEntries(Object.entries(statistics).map(([name, statistic]) => [name, statistic(rows)]));
  const pool = poolRows(dataset.rows, input.excluded);
  const kept = selection.kept.slice().sort();
  const name =
    request.name ??
    `${method}${options.variant === 'official' ? '-official' : ''}-${budget.text.replace(/\s/g, '')}-s${seed}`;
  const result: SelectResult = {
    name,
    dataset: dataset.name,
    method,
    options: selection.options,
    seed,
    budget: budget.text,
    rows: dataset.rows,
    requested: selection.requested,
    returned: selection.kept.length,
    ...(selection.shortfall === undefined ? {} : { shortfall: selection.shortfall }),
    perCluster: selection.perCluster,
    notes: [...embedded, ...selection.notes],
    statistics: {
      pool: measure(pool),
      selection: measure(kept),
      random: randomBaseline({
        rows: dataset.rows,
        budget: selection.kept.length,
        statistics,
        source: about.source,
        seed,
        ...(input.excluded === undefined ? {} : { excluded: input.excluded }),
      }),
    },
    ids: Array.from(selection.kept, (row) => dataset.ids[row]!),
    saved: !dryRun,
  };
  if (!dryRun) await save(project, dataset, result, selection, from);
  return result;
}

async function save(
  project: Project,
  dataset: SelectDataset,
  result: SelectResult,
  selection: Selection,
  from: Record<string, SignalEntry>,
): Promise<void> {
  const lineage = {
    budget: result.budget,
    columns: Object.fromEntries(
      Object.entries(from).map(([name, { signal, version, revision, params }]) => [
        name,
        { signal, version, revision, params },
      ]),
    ),
    notes: result.notes,
  };
  await saveSelection(project, result.name, dataset, selection, lineage);
}
