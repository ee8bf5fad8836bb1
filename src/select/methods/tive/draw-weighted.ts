import type { Random } from '../../../numeric/philox.ts';

/**
 * Draws without replacement, one after the other in proportion to the weights of what is left: each row gets log w + a
 * Gumbel number, and the largest win, which has the same distribution.
 *
 * @param logWeights logarithms of the weights, of any scale
 * @returns positions in the order of the draw
 */
export function drawWeighted(logWeights: ArrayLike<number>, count: number, random: Random): Int32Array {
  const keys = Float64Array.from(logWeights, (log) => log - Math.log(-Math.log(1 - random.uniform())));
  const order = Int32Array.from(keys.keys()).sort((a, b) => keys[b]! - keys[a]! || a - b);
  return order.subarray(0, Math.min(count, order.length));
}
