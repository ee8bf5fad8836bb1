import type { Dataset } from '../../../dataset/dataset.ts';
import type { savedLimits } from '../../../select/baseline/limits.ts';
import {
  type Baseline,
  compositionOf,
  meanOf,
  randomBaseline,
  type SubsetStatistic,
  shareOf,
} from '../../../select/baseline/random-subsets.ts';
import { NECESSITY_CLASSES, type NecessityClass } from '../../../select/kit/necessity-class.ts';
import type { Interval, ReportInput } from '../../data.ts';

interface Columns {
  necessity?: Float32Array | undefined;
  source: (string | null)[];
  category: (string | null)[];
  fault?: (string | null)[] | undefined;
  /** Of each row; undefined: not measured. */
  classes?: readonly (NecessityClass | undefined)[] | undefined;
  textOnly: ArrayLike<number>;
}

type Random = NonNullable<ReportInput['random']>;

/** Random subsets of a selection's size in the shape of the page. Faults are counted, everything else is a share. */
export function reportRandom(
  dataset: Dataset,
  size: number,
  columns: Columns,
  within: Awaited<ReturnType<typeof savedLimits>>,
): Random {
  // An empty subset has no mean and no shares.
  if (size === 0) return [];
  const statistics = statisticsOf(columns);
  return randomBaseline({ rows: dataset.rows, budget: size, statistics, source: columns.source, ...within }).map(
    (baseline) => {
      const shares = part(baseline, 'class');
      return {
        name: baseline.kind === 'uniform' ? 'uniform' : 'stratified by source',
        draws: baseline.seeds,
        size: baseline.budget,
        meanNecessity: part(baseline, 'mean')?.necessity,
        shares,
        source: part(baseline, 'source') ?? {},
        category: part(baseline, 'category'),
        fault: part(baseline, 'fault'),
      };
    },
  );
}

/** Every number that is taken of a random subset, as `group/name`. */
function statisticsOf(columns: Columns): Record<string, SubsetStatistic> {
  const { necessity, source, category, fault, classes, textOnly } = columns;
  const all: Record<string, SubsetStatistic> = {};
  const add = (group: string, parts: Record<string, SubsetStatistic>) => {
    for (const [name, one] of Object.entries(parts)) all[`${group}/${name}`] = one;
  };
  // S of a row without an image is 0 by definition, and no part of a mean.
  if (necessity !== undefined)
    add('mean', { necessity: meanOf(necessity.map((s, row) => (textOnly[row] === 1 ? Number.NaN : s))) });
  if (classes !== undefined)
    add('class', Object.fromEntries(NECESSITY_CLASSES.map((one) => [one, shareOf(classes.map((c) => c === one))])));
  add('source', compositionOf(source));
  if (category.some((one) => one !== null)) add('category', compositionOf(category));
  for (const key of new Set(fault?.filter((one) => one !== null) ?? []))
    all[`fault/${key}`] = (rows) => rows.reduce((n, row) => n + (fault?.[row] === key ? 1 : 0), 0);
  return all;
}

/** The statistics of one group that could be taken; undefined without any. */
function part(baseline: Baseline, group: string): Record<string, Interval> | undefined {
  const found = Object.entries(baseline.statistics).filter(
    ([name, { mean }]) => name.startsWith(`${group}/`) && Number.isFinite(mean),
  );
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map(([name, { mean, lo, hi }]) => [name.slice(group.length + 1), { mean, lo, hi }]));
}
