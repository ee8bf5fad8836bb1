import { waterFill } from '../../kit/allocate.ts';

/** Share of the lowest, and of the highest, scores that coverage-centric sampling leaves out. */
const TAIL = 0.05;
/** Edges of the histogram that entropy is taken of, in standard deviations to either side. */
const RANGE = 4;
const EDGES = 50;

/**
 * Entropy in bits of a histogram of standardised scores, 49 bins between 50 edges at -4 .. 4 standard deviations; 0 for
 * scores that are all alike.
 *
 * @param isOfficial edges at -4 s .. 4 s, s being the deviation of the scores before they were standardised, as
 * published; missing scores are 0
 */
export function scoreEntropy(scores: ArrayLike<number>, isOfficial: boolean): number {
  const values = Float64Array.from(scores, (score) => (Number.isFinite(score) ? score : 0));
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length));
  if (!(deviation > 0)) return 0;
  const reach = RANGE * (isOfficial ? deviation : 1);
  const edge = (i: number): number => (i === EDGES - 1 ? reach : -reach + i * ((2 * reach) / (EDGES - 1)));
  const edges = Float64Array.from({ length: EDGES }, (_, i) => edge(i));
  const counts = new Float64Array(EDGES - 1);
  for (const value of values) {
    const z = (value - mean) / deviation;
    // (left, right]: the first edge that is not below z ends its bin.
    const right = edges.findIndex((end) => z <= end);
    if (right > 0) counts[right - 1]!++;
  }
  const inside = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count) => (count === 0 ? sum : sum - (count / inside) * Math.log2(count / inside)), 0);
}

/**
 * Rows of each stratum of equal width between the 5th and the 95th percentile, the highest scores first, and rows in
 * the tails.
 */
export interface Strata {
  strata: number[][];
  tails: number[];
}

/** @param isOfficial a score at the lower end is in the tail, as published, where strata are open below */
export function stratify(
  rows: readonly number[],
  scores: ArrayLike<number>,
  bins: number,
  isOfficial: boolean,
): Strata {
  const sorted = Float64Array.from(rows, (row) => scores[row]!).sort();
  const low = sorted[Math.floor(sorted.length * TAIL)] ?? 0;
  const high = sorted[Math.floor(sorted.length * (1 - TAIL))] ?? 0;
  const width = (high - low) / bins;
  const ends = [high];
  for (let i = 0; i < bins; i++) ends.push(ends[i]! - width);
  const strata: number[][] = ends.slice(1).map(() => []);
  const tails: number[] = [];
  for (const row of rows) {
    const score = scores[row]!;
    let bin = score > high ? -1 : ends.findIndex((end, i) => i > 0 && score > end) - 1;
    if (bin < 0 && !isOfficial && score >= low && score <= high) bin = width > 0 ? bins - 1 : 0;
    if (bin < 0) tails.push(row);
    else strata[bin]!.push(row);
  }
  return { strata, tails };
}

/**
 * How many rows each stratum gives, the highest first. Default: equal shares, the smallest first, exact. As published:
 * ceil(n / bins) each; where a stratum has fewer the share of the later ones is taken anew, rounded up: the sum may be
 * above n.
 */
export function strataShares(sizes: readonly number[], budget: number, isOfficial: boolean): Int32Array {
  if (!isOfficial) return waterFill(sizes, budget);
  const taken = new Int32Array(sizes.length);
  let remaining = budget;
  let share = Math.ceil(budget / sizes.length);
  sizes.forEach((size, i) => {
    taken[i] = Math.min(size, Math.max(0, share));
    remaining -= taken[i]!;
    const later = sizes.length - i - 1;
    if (size < share && later > 0) share = Math.ceil(remaining / later);
  });
  return taken;
}

/**
 * Equal shares as Adapt-inf has them: ceil(n / groups) each, the smallest group first; what a group lacks is divided
 * among the later ones, rounded up, so that the sum may be above n. Where the smallest group can give its share all get
 * the same.
 */
export function ceilShares(sizes: readonly number[], budget: number): Int32Array {
  const taken = new Int32Array(sizes.length);
  let share = Math.ceil(budget / sizes.length);
  const smallest = sizes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY);
  if (smallest * sizes.length >= budget) return taken.fill(share);
  const ascending = [...sizes.keys()].sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  ascending.forEach((group, i) => {
    taken[group] = Math.min(share, sizes[group]!);
    const later = sizes.length - i - 1;
    if (sizes[group]! < share && later > 0) share += Math.ceil((share - sizes[group]!) / later);
  });
  return taken;
}
