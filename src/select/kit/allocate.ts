/**
 * Budget allocators: how many samples each group gives. Letters are those of the survey of published methods;
 * each exists once and is used by every method that needs it. All are deterministic, ties go to the earlier group.
 */
import { exactShares, largestRests, type Ratio, shareOfCount } from './exact-shares.ts';

/**
 * A, "water fill": equal shares, smallest group first; what a small group can't give is shared by the larger ones.
 * Exact: the sum is min(budget, total), and no group gives more than it has. Used by XMAS and S2L.
 */
export function waterFill(sizes: ArrayLike<number>, budget: number): Int32Array {
  const taken = new Int32Array(sizes.length);
  const ascending = Array.from({ length: sizes.length }, (_, g) => g).sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  let left = budget;
  ascending.forEach((group, i) => {
    const share = Math.floor(left / (ascending.length - i));
    taken[group] = Math.min(share, sizes[group]!);
    left -= taken[group]!;
  });
  return taken;
}

/**
 * Round robin: groups give one each in turn, in their order, those that have no more being passed over, until the
 * budget is used.
 *
 * @param given what each has given before; it counts against its size. @default none
 * @returns what each has given in all
 */
export function roundRobin(sizes: ArrayLike<number>, budget: number, given?: ArrayLike<number>): Int32Array {
  const taken = Int32Array.from(given ?? new Int32Array(sizes.length));
  let left = budget;
  for (;;) {
    const open = [...taken.keys()].filter((g) => taken[g]! < sizes[g]!);
    if (left <= 0 || open.length === 0) return taken;
    // Whole rounds at once, as many as the budget and the smallest room allow.
    const room = open.reduce((least, g) => Math.min(least, sizes[g]! - taken[g]!), Number.POSITIVE_INFINITY);
    const rounds = Math.min(room, Math.floor(left / open.length));
    const served = rounds === 0 ? open.slice(0, left) : open;
    for (const g of served) taken[g]! += Math.max(1, rounds);
    left -= served.length * Math.max(1, rounds);
  }
}

/**
 * B, fixed ratio: n_g = max(1, floor(r |g|)) for a group that isn't empty. The sum is not r N: small groups give one
 * each, and every other is rounded down. The published rule of VisNec.
 *
 * @param ratio r
 */
export function fixedRatio(sizes: ArrayLike<number>, ratio: Ratio): Int32Array {
  return Int32Array.from(sizes, (size) => (size === 0 ? 0 : Math.min(size, Math.max(1, shareOfCount(ratio, size)))));
}

/** Quotas before and after the groups that can't fill theirs have passed the rest on. */
export interface Allocation {
  /** What each group's weight entitles it to; sums to the budget (if any weight is positive). */
  quota: Int32Array;
  /** What it gives: at most its capacity. Sums to min(budget, total capacity). */
  taken: Int32Array;
}

/**
 * Largest remainder (Hamilton): quotas proportional to `weights`, rounded down, the remaining units to the largest
 * fractions. A group gives at most its capacity; what it can't is handed to the others in proportion to their weights,
 * again and again until the budget is used or nobody has anything left.
 */
export function largestRemainder(
  weights: ArrayLike<number>,
  budget: number,
  capacities: ArrayLike<number> = weights,
): Allocation {
  const everyone = Array.from({ length: weights.length }, (_, g) => g);
  const quota = hamilton(weights, budget, everyone);
  const taken = Int32Array.from(quota, (n, g) => Math.min(n, capacities[g]!));
  for (;;) {
    const left = budget - taken.reduce((sum, n) => sum + n, 0);
    const open = everyone.filter((g) => taken[g]! < capacities[g]!);
    if (left <= 0 || open.length === 0) return { quota, taken };
    // Groups of no weight but with something to give are asked last, as equals.
    const hasWeight = open.some((g) => weights[g]! > 0);
    const more = hamilton(hasWeight ? weights : everyone.map(() => 1), left, open);
    for (const g of open) taken[g] = Math.min(taken[g]! + more[g]!, capacities[g]!);
  }
}

function hamilton(weights: ArrayLike<number>, budget: number, groups: readonly number[]): Int32Array {
  const shares = new Int32Array(weights.length);
  const exact = exactShares(
    groups.map((g) => weights[g]!),
    budget,
  );
  groups.forEach((g, i) => {
    shares[g] = exact.whole[i]!;
  });
  const left = exact.whole.reduce((rest, n) => rest - n, budget);
  for (const i of largestRests(exact, left, (i) => weights[groups[i]!]! > 0)) shares[groups[i]!]!++;
  return shares;
}
