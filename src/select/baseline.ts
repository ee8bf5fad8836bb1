import { createRandom } from '../numeric/philox.ts';
import { type Interval, interval95, mean } from '../numeric/statistics.ts';
import { drawStratified } from './random.ts';
import { groupBy } from './read-columns.ts';

/** A number that any subset has: a share, a mean. Rows come in ascending order. */
export type SubsetStatistic = (rows: Int32Array) => number;

export interface BaselineOptions {
  /** Rows of the pool. */
  rows: number;
  /** Size of every random subset: as many rows as the selection returned. */
  budget: number;
  statistics: Readonly<Record<string, SubsetStatistic>>;
  /** Rows that no subset may hold (quarantined). */
  excluded?: { has(row: number): boolean };
  /** Source of each row; without it there is no stratified baseline. */
  source?: readonly (string | null)[];
  /** Subsets a kind. @default 20 */
  seeds?: number;
  /** Seed of the first; the others follow. @default 42 */
  seed?: number;
}

/** Each statistic over the random subsets: mean, and the range that 95 % of them lie in. */
export interface Baseline {
  kind: 'uniform' | 'stratified';
  seeds: number;
  budget: number;
  statistics: Record<string, Interval & { values: number[] }>;
}

/**
 * Random subsets of the same size, to hold a selection against: uniform, and stratified by source (each source gives
 * its largest-remainder share). Without differing sources, stratified is left out.
 */
export function randomBaseline(options: BaselineOptions): Baseline[] {
  const { rows, budget, statistics, excluded, source, seeds = 20, seed = 42 } = options;
  const pool = Array.from({ length: rows }, (_, row) => row).filter((row) => !excluded?.has(row));
  const count = Math.min(budget, pool.length);
  const { groups, labels } = groupBy(pool.map((row) => source?.[row] ?? null));
  const isStratified = labels.length > 1 || (labels.length === 1 && groups.includes(-1));

  const measure = (kind: Baseline['kind'], draw: (seed: number) => Int32Array): Baseline => {
    const values: Record<string, number[]> = Object.fromEntries(Object.keys(statistics).map((name) => [name, []]));
    for (let s = 0; s < seeds; s++) {
      const subset = draw((seed + s) >>> 0)
        .map((i) => pool[i]!)
        .sort();
      for (const [name, statistic] of Object.entries(statistics)) values[name]!.push(statistic(subset));
    }
    const summary = Object.entries(values).map(([name, all]) => [name, { ...interval95(all), values: all }]);
    return { kind, seeds, budget: count, statistics: Object.fromEntries(summary) };
  };

  const uniform = measure('uniform', (s) => createRandom(s, 'baseline/uniform').sample(pool.length, count));
  if (!isStratified) return [uniform];
  const stratified = measure(
    'stratified',
    (s) => drawStratified(groups, count, createRandom(s, 'baseline/stratified')).drawn,
  );
  return [uniform, stratified];
}

/** Share of a subset that a mask marks, 0 to 1. */
export function shareOf(mask: ArrayLike<number | boolean>): SubsetStatistic {
  return (rows) => mean(rows.length === 0 ? [] : Float64Array.from(rows, (row) => (mask[row] ? 1 : 0)));
}

/** Mean of a column over a subset; values that aren't finite are left out. */
export function meanOf(column: ArrayLike<number>): SubsetStatistic {
  return (rows) => mean(Float64Array.from(rows, (row) => column[row]!));
}

/** One share a source (`null` is `unknown`): the composition of a subset. */
export function compositionOf(source: readonly (string | null)[]): Record<string, SubsetStatistic> {
  const names = [...new Set(source.map((name) => name ?? 'unknown'))].sort();
  return Object.fromEntries(names.map((name) => [name, shareOf(source.map((other) => (other ?? 'unknown') === name))]));
}
