import { mean } from '../../numeric/statistics/statistics.ts';
import type { RandomSubsets } from '../../select/baseline/random-subsets.ts';
import { leafOrder, type Overlap, overlaps } from './overlap.ts';
import type { OverlapTable } from './result.ts';

/** Overlap of methods with each other and with random subsets, of which means over seeds stand in the table. */
export function overlapTable(
  ids: readonly string[],
  kept: readonly Int32Array[],
  random: readonly RandomSubsets[],
  rows: number,
  eligible: number,
): OverlapTable {
  const all = overlaps([...kept, ...random.flatMap(({ subsets }) => subsets)], rows, eligible);
  const spans = [...kept.map((_, m) => [m]), ...spansOf(random, kept.length)];
  const cells = (of: (overlap: Overlap) => number): number[][] =>
    spans.map((a) => spans.map((b) => mean(pairs(a, b).map(([i, j]) => of(all[i]![j]!)))));
  const jaccard = cells((one) => one.jaccard);
  const order = leafOrder(jaccard.slice(0, kept.length).map((line) => line.slice(0, kept.length)));
  return {
    names: [...ids, ...random.map(({ kind }) => (kind === 'uniform' ? 'random' : 'stratified'))],
    both: cells((one) => one.both),
    jaccard,
    ratio: cells((one) => one.ratio),
    order: [...order, ...random.map((_, r) => kept.length + r)],
  };
}

/** Places of the seeds of each kind behind the methods. */
function spansOf(random: readonly RandomSubsets[], start: number): number[][] {
  let next = start;
  return random.map(({ subsets }) => subsets.map(() => next++));
}

/** Pairs of places; of one kind with itself, pairs of different seeds. */
function pairs(a: readonly number[], b: readonly number[]): [number, number][] {
  const all = a.flatMap((i) => b.map((j): [number, number] => [i, j]));
  return a.length > 1 && a[0] === b[0] ? all.filter(([i, j]) => i !== j) : all;
}
