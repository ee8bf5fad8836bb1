import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Fit } from '../signals/fit/measure.ts';
import { fitOf } from '../signals/fit/read.ts';
import type { Project } from '../store/project.ts';
import { checkName, saveSelection } from '../store/selections.ts';
import { drawLimits } from './baseline/limits.ts';
import {
  type Baseline,
  compositionOf,
  meanOf,
  poolRows,
  randomBaseline,
  type SubsetStatistic,
  shareOf,
} from './baseline/random-subsets.ts';
import type { CompositionRecord } from './compose/record.ts';
import type { SelectRequest } from './compose/request.ts';
import { type ColumnOrigin, importNotes } from './inputs/column-origin.ts';
import type { SelectionInputs } from './inputs/read-inputs.ts';
import {
  type ClassThresholds,
  classesOf,
  NECESSITY_CLASSES,
  type NecessityClass,
  thresholdsOf,
} from './kit/necessity-class.ts';
import { executeSelection, planSelection } from './plan.ts';
import { refuseReplacing, requestDigest, selectionName } from './selection-name.ts';
import type { Selection } from './selector.ts';

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
  /** Stages, lists, rules for sources and cost; absent for one method with a plain budget. */
  composition?: CompositionRecord;
  /** The same statistics of the whole data set, of the selection, and of random subsets of its size. */
  statistics: { pool: Record<string, number>; selection: Record<string, number>; random: Baseline[] };
  ids: string[];
  saved: boolean;
  /** Whether the model that measured the necessity fits the data; absent where none was measured. */
  fit?: Fit;
}

/**
 * What every selection is measured by: mean necessity of rows with an image, share of each class, share of each source.
 */
function subsetStatistics(
  { about, necessity, blindLoss: blind }: SelectionInputs,
  thresholds: ClassThresholds,
): Record<string, SubsetStatistic> {
  const { source, textOnly } = about;
  const sources = Object.entries(compositionOf(source)).map(([name, share]) => [`source/${name}`, share] as const);
  if (necessity === undefined) return Object.fromEntries(sources);
  const classes = classesOf({ necessity, blind, textOnly }, thresholds);
  // The three classes of S always, the others where a row is in them.
  const shown = NECESSITY_CLASSES.filter((name) => SHOWN.includes(name) || classes.includes(name));
  return {
    // S of a row without an image is 0 by definition, and no part of a mean.
    necessity: meanOf(necessity.map((s, row) => (textOnly[row] === 1 ? Number.NaN : s))),
    ...Object.fromEntries(shown.map((name) => [name, shareOf(classes.map((one) => one === name))])),
    ...Object.fromEntries(sources),
  };
}

const SHOWN: readonly NecessityClass[] = ['critical', 'redundant', 'misaligned'];

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

/** Choose a subset, measure it beside random subsets of the same size, and save it under its name. */
export async function runSelection(project: Project, request: SelectRequest): Promise<SelectResult> {
  const { signal, progress, dryRun = false } = request;
  const seed = request.seed ?? project.config().defaults.seed ?? 42;
  checkSeed(seed);
  if (request.name !== undefined) checkName(request.name);
  const planned = await planSelection(project, request);
  const { plan, dataset, inputs, record, embedded, budget } = planned;
  const place = project.config().datasets[0]?.name === dataset.name ? undefined : dataset.name;
  const name = request.name ?? selectionName(request, { budget, seed, place });
  const digest = requestDigest(request, { budget, seed });
  const replaced = dryRun ? undefined : await refuseReplacing(project, name, digest, dataset.name, request.replace);
  const composed = await executeSelection(planned, {
    seed,
    signal,
    progress,
  });
  const { selection } = composed;
  const composition = record(composed);
  const { about, necessity, from } = inputs;
  const statistics = subsetStatistics(inputs, thresholdsOf(selection.options));
  const measure = (rows: Int32Array) =>
    Object.fromEntries(Object.entries(statistics).map(([name, statistic]) => [name, statistic(rows)]));
  const pool = poolRows(dataset.rows, plan.outside);
  const kept = selection.kept.slice().sort();
  const limits = composition === undefined ? undefined : drawLimits(plan, composition);
  const result: SelectResult = {
    name,
    dataset: dataset.name,
    method: selection.method,
    options: selection.options,
    seed,
    budget,
    rows: dataset.rows,
    requested: selection.requested,
    returned: selection.kept.length,
    shortfall: selection.shortfall,
    perCluster: selection.perCluster,
    notes: [...(replaced === undefined ? [] : [replaced]), ...embedded, ...importNotes(from), ...selection.notes],
    composition,
    statistics: {
      pool: measure(pool),
      selection: measure(kept),
      random: randomBaseline({
        rows: dataset.rows,
        budget: selection.kept.length,
        statistics,
        source: about.source,
        seed,
        excluded: plan.outside,
        limits,
      }),
    },
    ids: Array.from(selection.kept, (row) => dataset.ids[row]!),
    saved: !dryRun,
    fit: necessity === undefined ? undefined : await fitOf(project, dataset, { blind: request.blind }),
  };
  if (!dryRun) await save(project, dataset, result, selection, from, digest);
  return result;
}

async function save(
  project: Project,
  dataset: Dataset,
  result: SelectResult,
  selection: Selection,
  from: Readonly<Record<string, ColumnOrigin>>,
  request: string,
): Promise<void> {
  const lineage = {
    budget: result.budget,
    request,
    columns: Object.fromEntries(
      Object.entries(from).map(([name, { signal, version, revision, params }]) => [
        name,
        { signal, version, revision, params },
      ]),
    ),
    notes: result.notes,
    composition: result.composition,
  };
  await saveSelection(project, result.name, dataset, selection, lineage);
}
