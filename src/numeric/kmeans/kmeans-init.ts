import { openProducts } from '../linalg/gemm.ts';
import { gatherRows, type Matrix } from '../linalg/matrix.ts';
import type { ThreadOptions } from '../linalg/ort-kernel.ts';
import type { Random } from '../philox.ts';
import { centreCentroids } from './assign.ts';
import type { Assignment } from './reassign.ts';

/** Most centres chosen from one table of distances: wide enough for the matrix kernels, narrow enough to stay fresh. */
const MOST_PER_ROUND = 64;
/** Rows whose distances to all candidates of a round are held at a time. */
const BLOCK_ROWS = 4096;

export interface InitOptions extends ThreadOptions {
  k: number;
  random: Random;
  /** Rows that compete for each next centre; 1: k-means++ as published. */
  candidates: number;
  signal?: AbortSignal | undefined;
}

/** A row that may become a centre, and the rows that it is nearer to than any centre was when the round began. */
interface Candidate {
  row: number;
  /** D^2 of the row itself when the round began. */
  before: number;
  rows: number[];
  distances: number[];
}

/**
 * Greedy k-means++ (Arthur and Vassilvitskii 2007, section 6): of a few rows drawn with probability proportional to
 * D^2, the squared distance to the nearest centre so far, the one that lowers the sum of D^2 most becomes the next.
 *
 * Exact, yet in rounds: proposals are drawn from the D^2 of the round's beginning and accepted with probability D^2 now
 * / D^2 then, which is rejection sampling of the right distribution, as D^2 only shrinks. So one matrix product serves
 * up to 64 centres.
 *
 * @param spread mean of the rows, and |x_i - mean|^2 of each
 * @returns k rows of `points`, where fewer than k differ the last ones repeat; and which of them each row is nearest to
 */
export async function initPlusPlus(
  points: Matrix,
  spread: { mean: Float64Array; squares: Float64Array },
  { k, random, candidates, threads, signal }: InitOptions,
): Promise<{ chosen: Int32Array; found: Assignment }> {
  const nearest = new Float64Array(points.rows).fill(Number.POSITIVE_INFINITY);
  const labels = new Int32Array(points.rows);
  const cumulative = new Float64Array(points.rows);
  const chosen: number[] = [];
  const choose = ({ row, rows, distances }: Candidate): void => {
    for (let i = 0; i < rows.length; i++) {
      if (distances[i]! >= nearest[rows[i]!]!) continue;
      nearest[rows[i]!] = distances[i]!;
      labels[rows[i]!] = chosen.length;
    }
    nearest[row] = 0;
    labels[row] = chosen.length;
    chosen.push(row);
  };

  const products = await openProducts({ threads });
  try {
    const compare = (rows: number[]) => compareWithAll(points, spread, rows, nearest, products, signal);
    choose((await compare([random.below(points.rows)]))[0]!);
    while (chosen.length < k) {
      const total = sumInto(cumulative, nearest);
      if (!(total > 0)) {
        while (chosen.length < k) chosen.push(random.below(points.rows));
        break;
      }
      const wanted = Math.min(MOST_PER_ROUND, chosen.length, k - chosen.length);
      const drawn = Array.from({ length: wanted * candidates }, () =>
        findInCumulative(cumulative, random.uniform() * total),
      );
      const proposed = await compare(drawn);
      for (let picked = 0, next = 0; picked < wanted && next < proposed.length; ) {
        let best: Candidate | undefined;
        let most = 0;
        for (let accepted = 0; accepted < candidates && next < proposed.length; next++) {
          const candidate = proposed[next]!;
          if (random.uniform() * candidate.before >= nearest[candidate.row]!) continue;
          accepted++;
          const gain = gainOf(candidate, nearest);
          // Among rows that are alike but for rounding none may gain anything, and one is chosen all the same.
          if (best === undefined || gain > most) {
            best = candidate;
            most = gain;
          }
        }
        if (best === undefined) continue;
        choose(best);
        picked++;
      }
    }
  } finally {
    await products.release();
  }
  return { chosen: Int32Array.from(chosen), found: { labels, distances: nearest } };
}

/** Finds, for each candidate, the rows that it is nearer to than their nearest centre. */
async function compareWithAll(
  points: Matrix,
  { mean, squares }: { mean: Float64Array; squares: Float64Array },
  rows: number[],
  nearest: Float64Array,
  products: Awaited<ReturnType<typeof openProducts>>,
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const { width } = points;
  const found = rows.map((row): Candidate => ({ row, before: nearest[row]!, rows: [], distances: [] }));
  const { shifted, bias } = centreCentroids(gatherRows(points, rows), mean);
  const centres = { data: shifted, rows: rows.length, width };
  for (let start = 0; start < points.rows; start += BLOCK_ROWS) {
    signal?.throwIfAborted();
    const end = Math.min(points.rows, start + BLOCK_ROWS);
    const block = { data: points.data.subarray(start * width, end * width), rows: end - start, width };
    const dots = await products.dots(block, centres);
    for (let i = start, at = 0; i < end; i++) {
      // |x - c|^2 = |x'|^2 - 2 (x . c' - |c'|^2 / 2 - mean . c'), with x' and c' relative to the mean: below D^2 where
      // the score is above this.
      const least = (squares[i]! - nearest[i]!) / 2;
      for (let j = 0; j < rows.length; j++, at++) {
        const score = dots[at]! + bias[j]!;
        if (score <= least) continue;
        found[j]!.rows.push(i);
        found[j]!.distances.push(Math.max(0, squares[i]! - 2 * score));
      }
    }
  }
  return found;
}

/** By how much the sum of D^2 falls if the candidate becomes a centre. */
function gainOf({ rows, distances }: Candidate, nearest: Float64Array): number {
  let gain = 0;
  for (let i = 0; i < rows.length; i++) gain += Math.max(0, nearest[rows[i]!]! - distances[i]!);
  return gain;
}

/** Running totals. Returns the last. */
function sumInto(cumulative: Float64Array, values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    total += values[i]!;
    cumulative[i] = total;
  }
  return total;
}

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
