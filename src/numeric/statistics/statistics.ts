/** Mean of the finite values; NaN where there are none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    sum += values[i]!;
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** Standard deviation of a sample (n - 1) over the finite values; 0 for a single one, NaN for none. */
export function standardDeviation(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    sum += (values[i]! - centre) ** 2;
    count++;
  }
  if (count === 0) return Number.NaN;
  return count === 1 ? 0 : Math.sqrt(sum / (count - 1));
}

/**
 * Quantile with linear interpolation between order statistics (type 7, numpy's default), over the finite values. @param
 * q 0 to 1
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * Math.min(1, Math.max(0, q));
  const low = Math.floor(at);
  const below = sorted[low]!;
  return below + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)]! - below);
}

/** A mean over repeated draws, with the range that 95 % of single draws fall in. */
export interface Interval {
  mean: number;
  lo: number;
  hi: number;
}

/**
 * Mean and the 2.5 and 97.5 percentiles (type 7) of a statistic over seeds: the range in which a subset drawn at random
 * would lie, not the uncertainty of the mean, because it is a single selection that is held against it.
 */
export function interval95(values: ArrayLike<number>): Interval {
  return { mean: mean(values), lo: quantile(values, 0.025), hi: quantile(values, 0.975) };
}

/**
 * Area under the ROC curve of `score` for `positive` rows against the rest: the chance that a positive row scores
 * higher than a negative one, ties counting half (Mann-Whitney). Rows whose score isn't finite are left out; NaN if
 * either side is empty.
 */
export function auc(score: ArrayLike<number>, positive: ArrayLike<number | boolean>): number {
  const rows = Array.from({ length: score.length }, (_, i) => i)
    .filter((i) => Number.isFinite(score[i]))
    .sort((a, b) => score[a]! - score[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < rows.length; ) {
    let end = start;
    while (end < rows.length && score[rows[end]!] === score[rows[start]!]) end++;
    const meanRank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) {
      if (!positive[rows[i]!]) continue;
      positives++;
      rankSum += meanRank;
    }
    start = end;
  }
  const negatives = rows.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Counts in `bins` intervals of equal width over [low, high]; values outside go to the first or last, those not finite
 * nowhere.
 */
export interface Histogram {
  low: number;
  high: number;
  counts: Int32Array;
}

/** @param range defaults to the least and greatest finite value */
export function histogram(values: ArrayLike<number>, bins: number, range?: readonly [number, number]): Histogram {
  let [low, high] = range ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (range === undefined) {
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
    if (low > high) [low, high] = [0, 0];
  }
  const counts = new Int32Array(bins);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    const bin = high > low ? Math.floor(((values[i]! - low) / (high - low)) * bins) : 0;
    counts[Math.min(bins - 1, Math.max(0, bin))]!++;
  }
  return { low, high, counts };
}
