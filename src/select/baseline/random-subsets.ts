import { createRandom, type Random } from '../../numeric/philox.ts';
import { type Interval, interval95 } from '../../numeric/statistics/statistics.ts';
import { rankRows } from '../../numeric/topk.ts';
import { groupBy } from '../kit/columns.ts';
import { drawStratified, intoStrata } from '../methods/random.ts';
import { type DrawLimits, drawWithin } from './draw-within.ts';

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
  /** What else the selection was bound to; every subset keeps to it. */
  limits?: DrawLimits;
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

/** Random subsets of one kind, one a seed, rows ascending. */
export interface RandomSubsets {
  kind: Baseline['kind'];
  subsets: Int32Array[];
}

/**
 * Random subsets of the same size, to hold a selection against: uniform, and stratified by source (each source gives
 * its largest-remainder share). Without differing sources, stratified is left out.
 */
export function randomSubsets(options: Omit<BaselineOptions, 'statistics'>): RandomSubsets[] {
  const { rows, budget, excluded, source, limits, seeds = 20, seed = 42 } = options;
  const pool = poolRows(rows, excluded);
  const count = Math.min(budget, pool.length);
  const { groups, labels } = groupBy(Array.from(pool, (row) => source?.[row] ?? null));
  const isStratified = labels.length > 1 || (labels.length === 1 && groups.includes(-1));
  if (limits !== undefined) {
    const most = limits.cost === undefined ? count : pool.length;
    const within = (kind: Baseline['kind']): RandomSubsets => ({
      kind,
      subsets: Array.from({ length: seeds }, (_, s) => {
        const random = createRandom((seed + s) >>> 0, `baseline/${kind}`);
        const order = kind === 'uniform' ? random.sample(pool.length, pool.length) : evenOrder(groups, random);
        return drawWithin(
          order.map((i) => pool[i]!),
          most,
          limits,
        );
      }),
    });
    return isStratified ? [within('uniform'), within('stratified')] : [within('uniform')];
  }
  const isDrawn = new Uint8Array(pool.length);
  const draw = (kind: Baseline['kind'], positions: (seed: number) => Int32Array): RandomSubsets => ({
    kind,
    subsets: Array.from({ length: seeds }, (_, s) => {
      // Marks instead of a sort: a pass over the pool costs less.
      isDrawn.fill(0);
      for (const i of positions((seed + s) >>> 0)) isDrawn[i] = 1;
      const subset = new Int32Array(count);
      for (let i = 0, n = 0; n < count; i++) if (isDrawn[i] === 1) subset[n++] = pool[i]!;
      return subset;
    }),
  });
  const uniform = draw('uniform', (s) => createRandom(s, 'baseline/uniform').sample(pool.length, count));
  if (!isStratified) return [uniform];
  const strata = intoStrata(groups, count);
  return [uniform, draw('stratified', (s) => drawStratified(strata, createRandom(s, 'baseline/stratified')))];
}

/** An order at random of which every beginning holds each group in proportion to its size. */
function evenOrder(groups: Int32Array, random: Random): Int32Array {
  const shuffled = random.sample(groups.length, groups.length);
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const seen = new Map<number, number>();
  const place = new Float32Array(groups.length);
  for (const i of shuffled) {
    const group = groups[i]!;
    const nth = seen.get(group) ?? 0;
    seen.set(group, nth + 1);
    place[i] = (nth + 0.5) / sizes.get(group)!;
  }
  return rankRows(shuffled, place, 'asc');
}

/** Rows that may be drawn, ascending. */
export function poolRows(rows: number, excluded?: { has(row: number): boolean }): Int32Array {
  const pool = new Int32Array(rows);
  let size = 0;
  for (let row = 0; row < rows; row++) if (!excluded?.has(row)) pool[size++] = row;
  return pool.subarray(0, size);
}

/** Statistics over random subsets of the same size: uniform, and stratified by source where sources differ. */
export function randomBaseline(options: BaselineOptions): Baseline[] {
  return randomSubsets(options).map(({ kind, subsets }) => {
    const entries = Object.entries(options.statistics);
    const measured = subsets.map((rows) => entries.map(([, statistic]) => statistic(rows)));
    const summary = entries.map(([name], at) => {
      const values = measured.map((own) => own[at]!);
      return [name, { ...interval95(values), values }] as const;
    });
    return { kind, seeds: subsets.length, budget: subsets[0]?.length ?? 0, statistics: Object.fromEntries(summary) };
  });
}

/** Share of a subset that a mask marks, 0 to 1. */
export function shareOf(mask: ArrayLike<number | boolean>): SubsetStatistic {
  return (rows) => {
    let marked = 0;
    for (let i = 0; i < rows.length; i++) if (mask[rows[i]!]) marked++;
    return marked / rows.length;
  };
}

/** Mean of a column over a subset; values that aren't finite are left out. */
export function meanOf(column: ArrayLike<number>): SubsetStatistic {
  return (rows) => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < rows.length; i++) {
      const value = column[rows[i]!]!;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
    return sum / count;
  };
}

/** One share a source (`null` is `unknown`): the composition of a subset. */
export function compositionOf(source: readonly (string | null)[]): Record<string, SubsetStatistic> {
  const names = [...new Set(source.map((name) => name ?? 'unknown'))].sort();
  const index = new Map(names.map((name, i) => [name, i]));
  const own = Int32Array.from(source, (name) => index.get(name ?? 'unknown')!);
  let counted: Int32Array | undefined;
  let counts = new Int32Array(names.length);
  // All shares of a subset are asked for one after the other: its rows are counted once.
  const share = (rows: Int32Array, i: number): number => {
    if (rows !== counted) {
      counted = rows;
      counts = new Int32Array(names.length);
      for (const row of rows) counts[own[row]!]!++;
    }
    return counts[i]! / rows.length;
  };
  return Object.fromEntries(names.map((name, i) => [name, (rows) => share(rows, i)]));
}
