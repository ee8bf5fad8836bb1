import { gatherRows, type Matrix, squaredDistance } from '../linalg/matrix.ts';
import type { Random } from '../philox.ts';
import type { Assigner } from './assign.ts';
import type { Assignment } from './reassign.ts';

/**
 * Most centroids drawn from one state of the distances: wide enough for the matrix kernels, narrow enough to stay
 * fresh.
 */
const MOST_PER_ROUND = 64;

/** First row whose running total exceeds `target`. */
function findInCumulative(cumulative: Float64Array, target: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cumulative[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * k-means++ (Arthur and Vassilvitskii 2007): each next centre is a row drawn with probability proportional to D^2, its
 * squared distance to the nearest centre so far.
 *
 * Exact, yet in rounds: proposals are drawn from the D^2 of the round's beginning and accepted with probability
 * D^2 now / D^2 then, which is rejection sampling of the right distribution, as D^2 only shrinks. So one matrix product
 * serves up to 64 centres, and only distances among the round's own few rows are computed one by one.
 *
 * @returns k rows of `points`, where fewer than k differ the last ones repeat; and which of them each row is nearest to
 */
export async function initPlusPlus(
  points: Matrix,
  k: number,
  random: Random,
  assigner: Assigner,
  mean: Float64Array,
  squares: Float64Array,
  signal?: AbortSignal,
): Promise<{ chosen: Int32Array; found: Assignment }> {
  const n = points.rows;
  const chosen: number[] = [random.below(n)];
  const nearest = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const labels = new Int32Array(n);
  const near: Assignment = { labels: new Int32Array(n), distances: new Float64Array(n) };
  const cumulative = new Float64Array(n);
  let fresh = chosen;
  const compareFresh = async (): Promise<void> => {
    await assigner.assign(points, gatherRows(points, fresh), mean, squares, near.labels, near.distances, signal);
    const first = chosen.length - fresh.length;
    for (let i = 0; i < n; i++) {
      if (near.distances[i]! >= nearest[i]!) continue;
      nearest[i] = near.distances[i]!;
      labels[i] = first + near.labels[i]!;
    }
  };

  while (chosen.length < k) {
    await compareFresh();
    for (const row of chosen) nearest[row] = 0;
    let total = 0;
    for (let i = 0; i < n; i++) {
      total += nearest[i]!;
      cumulative[i] = total;
    }
    if (!(total > 0)) {
      fresh = [];
      while (chosen.length < k) chosen.push(random.below(n));
      break;
    }
    fresh = drawRound(points, nearest, cumulative, Math.min(MOST_PER_ROUND, chosen.length, k - chosen.length), random);
    chosen.push(...fresh);
  }
  if (fresh.length > 0) await compareFresh();
  return { chosen: Int32Array.from(chosen), found: { labels, distances: nearest } };
}

function drawRound(
  points: Matrix,
  nearest: Float64Array,
  cumulative: Float64Array,
  wanted: number,
  random: Random,
): number[] {
  const total = cumulative[cumulative.length - 1]!;
  const accepted: number[] = [];
  for (let proposals = 0; accepted.length < wanted && proposals < 2 * wanted; proposals++) {
    const row = findInCumulative(cumulative, random.uniform() * total);
    const then = nearest[row]!;
    let now = then;
    for (const other of accepted) now = Math.min(now, squaredDistance(points, row, points, other));
    if (random.uniform() * then < now) accepted.push(row);
  }
  return accepted;
}
