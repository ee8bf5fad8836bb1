/**
 * Budget allocators of single methods, as published: several miss the budget, which is said here and is theirs to
 * report. Letters are those of the survey of published methods, see allocate.ts.
 */
import { roundHalfEven } from '../../numeric/round.ts';
import { roundRobin } from './allocate.ts';
import { exactShares, largestRests } from './exact-shares.ts';

/** e^(v / T) as shares that sum to 1; a value that isn't finite gets 0. */
export function softmax(values: ArrayLike<number>, temperature = 1): Float64Array {
  const scaled = Float64Array.from(values, (value) => value / temperature);
  const highest = scaled.reduce((best, value) => (Number.isFinite(value) ? Math.max(best, value) : best), -Infinity);
  const weights = scaled.map((value) => (Number.isFinite(value) ? Math.exp(value - highest) : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total > 0 ? weights.map((weight) => weight / total) : weights;
}

/**
 * C, the largest group evens out: n_g = max(1, floor(n |g| / N)), and the whole difference to the budget is added to,
 * or taken from, the largest group (the first of equals). Empty groups give nothing. Sums to the budget unless more
 * must be taken from the largest group than its quota, which many groups of one row bring about: then it gives none and
 * the sum is above. Used by CoIDO.
 */
export function largestGroupEvens(sizes: ArrayLike<number>, budget: number): Int32Array {
  const total = sum(sizes);
  const quota = exactShares(sizes, budget).whole.map((n, g) => (sizes[g] === 0 ? 0 : Math.max(1, n)));
  if (total === 0) return quota;
  const largest = Array.from(sizes).reduce((best, size, g) => (size > sizes[best]! ? g : best), 0);
  quota[largest] = Math.max(0, quota[largest]! + budget - sum(quota));
  return quota;
}

/**
 * D, sequential softmax: groups are visited by softmax(score / T), largest first and of equal ones the later first (an
 * ascending order that is turned round); each gets round(left * its share among the groups not yet visited), halves to
 * even, at most its size. What late groups can't give is lost: the sum may be below the budget. Used by COINCIDE.
 * Shares are quotients of exponentials, which no number holds exactly: here, as published, doubles decide.
 *
 * @returns `share`: softmax over all groups; `order`: groups as visited; `wanted`: what was asked of each; `taken`:
 * what each gives
 */
export function sequentialSoftmax(
  scores: ArrayLike<number>,
  temperature: number,
  sizes: ArrayLike<number>,
  budget: number,
): { share: Float64Array; order: Int32Array; wanted: Int32Array; taken: Int32Array } {
  const share = softmax(scores, temperature);
  const value = (group: number): number => (Number.isFinite(scores[group]) ? scores[group]! : Number.NEGATIVE_INFINITY);
  const order = Int32Array.from(share.keys()).sort((a, b) => value(b) - value(a) || b - a);
  // Shares among those still to come, from the end, each relative to its own: no small share is lost beside a large
  // one.
  const shareOfRest = new Float64Array(order.length);
  for (let i = order.length - 1, rest = 0; i >= 0; i--) {
    const hasShare = Number.isFinite(scores[order[i]!]);
    const next = order[i + 1];
    const step = next === undefined ? 0 : Math.exp((scores[next]! - scores[order[i]!]!) / temperature);
    rest = hasShare ? 1 + (Number.isFinite(step) ? rest * step : 0) : 0;
    shareOfRest[i] = rest > 0 ? 1 / rest : 0;
  }
  const wanted = new Int32Array(order.length);
  const taken = new Int32Array(order.length);
  let left = budget;
  order.forEach((group, i) => {
    wanted[group] = roundHalfEven(left * shareOfRest[i]!);
    taken[group] = Math.min(sizes[group]!, wanted[group]!);
    left -= taken[group]!;
  });
  return { share, order, wanted, taken };
}

/**
 * E, softmax of tasks: floor(n softmax(-difficulty / T)), the easier the more. Without `sizes` the remainder goes to
 * the task of the largest share. With them the tasks of the largest fractions get one more each if they have it, every
 * task gives at most its size, and what is left goes round, one each, to those that still have rows: min(n, rows) in
 * all. Used by PreSel.
 */
export function taskSoftmax(
  difficulties: ArrayLike<number>,
  budget: number,
  { temperature, sizes }: { temperature: number; sizes?: ArrayLike<number> },
): Int32Array {
  const share = softmax(
    Array.from(difficulties, (difficulty) => -difficulty),
    temperature,
  );
  const used = sizes === undefined ? budget : Math.min(budget, sum(sizes));
  if (sizes === undefined) {
    const quota = exactShares(share, used).whole;
    const best = share.reduce((top, part, g) => (part > share[top]! ? g : top), 0);
    if (quota.length > 0) quota[best]! += used - sum(quota);
    return quota;
  }
  const exact = exactShares(share, used);
  const quota = exact.whole;
  for (const g of largestRests(exact, used - sum(quota), (g) => quota[g]! < sizes[g]!)) quota[g]!++;
  const capped = quota.map((n, g) => Math.min(n, sizes[g]!));
  return roundRobin(sizes, used - sum(capped), capped);
}

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

/**
 * Rounded shares: n |g| / N rounded, halves to even, at most |g|; then one more each, the largest group first, or one
 * less each, the smallest first, in a single pass until the sum is n. A difference larger than the number of groups
 * stays. Used by PreSel inside a task. Of counts a double's quotient is a half exactly where it is one, as long as
 * n |g| is below 2^53.
 *
 * @param ranks sizes that the pass goes by, where they differ from what a group can give
 */
export function roundedShares(sizes: ArrayLike<number>, budget: number, ranks: ArrayLike<number> = sizes): Int32Array {
  const total = sum(sizes);
  const quota = Int32Array.from(sizes, (size) =>
    total === 0 ? 0 : Math.min(size, roundHalfEven((size * budget) / total)),
  );
  let missing = budget - sum(quota);
  const step = Math.sign(missing);
  const order = Array.from(quota.keys()).sort((a, b) => step * (ranks[b]! - ranks[a]!) || a - b);
  for (const g of order) {
    if (missing === 0) break;
    if (step > 0 ? quota[g]! >= sizes[g]! : quota[g] === 0) continue;
    quota[g]! += step;
    missing -= step;
  }
  return quota;
}

/**
 * F, in proportion to a value: floor(n v_t / sum(v)). The sum is below the budget by up to the number of groups. All
 * values 0: all quotas 0. TIVE, which repeats a task whose quota reaches its size.
 */
export function valueProportional(values: ArrayLike<number>, budget: number): Int32Array {
  return exactShares(values, budget).whole;
}

/**
 * G, round over bins with debt: bins from the smallest, each gives max(floor(n / bins), 1) of its rows not yet chosen,
 * and what it can't give is asked of the next one besides, until n are given. One round; may give fewer. A row may lie
 * in several bins. Used by mmSSR.
 *
 * @param bins rows of each bin, in the order in which they are given
 * @param chosen rows that are taken already; what is given is added
 * @param isCapped never more than n: as published the last bin pays the whole debt, which may go beyond n
 * @returns rows as given
 */
export function roundOverBins(
  bins: readonly (readonly number[])[],
  budget: number,
  chosen: Set<number>,
  isCapped = true,
): number[] {
  const ascending = [...bins.keys()].sort((a, b) => bins[a]!.length - bins[b]!.length || a - b);
  const share = Math.max(Math.floor(budget / Math.max(1, bins.length)), 1);
  const given = new Set<number>();
  let debt = 0;
  for (const bin of ascending) {
    if (given.size >= budget) break;
    const wanted = isCapped ? Math.min(share + debt, budget - given.size) : share + debt;
    const rows = bins[bin]!.filter((row) => !chosen.has(row)).slice(0, wanted);
    for (const row of rows) {
      chosen.add(row);
      given.add(row);
    }
    debt += share - rows.length;
  }
  return [...given];
}

/**
 * H, size times squared spread: floor(n |g| tau_g^2 / sum), tau the mean of a group's largest normalised singular
 * value. The sum is below the budget by up to the number of groups. Used by DataTailor.
 */
export function sizeTimesSquare(sizes: ArrayLike<number>, tau: ArrayLike<number>, budget: number): Int32Array {
  return valueProportional(
    Float64Array.from(sizes, (size, g) => size * tau[g]! ** 2),
    budget,
  );
}
