import { openIndexedHeap } from '../../../numeric/indexed-heap.ts';
import type { NeighbourTable } from '../../../numeric/neighbour-table.ts';

/**
 * Facility location: picks rows that make f(S) = sum over i of max over j in S of sim(i, j) grow most, ties to the
 * first (lazy greedy: f is submodular, so that a stale gain is an upper bound). Row i sees itself (sim 1) and its
 * neighbours; others count as 0.
 *
 * @param near of unit vectors: the cosine is 1 - d^2 / 2, negative ones count as 0
 * @returns the rows in the order picked, and the gain of each
 */
export function pickByCoverage(
  near: NeighbourTable,
  nodes: number,
  count: number,
): { picked: Int32Array; gains: Float64Array } {
  const { k, rows, squares } = near;
  const similarity = (at: number): number => Math.max(0, 1 - squares[at]! / 2);
  // Who would be covered by j: places in the table, by row.
  const seenBy: number[][] = Array.from({ length: nodes }, () => []);
  for (let at = 0; at < nodes * k; at++) if (rows[at]! >= 0) seenBy[rows[at]!]!.push(at);
  const covered = new Float64Array(nodes);
  const gainOf = (j: number): number => {
    let gain = Math.max(0, 1 - covered[j]!);
    for (const at of seenBy[j]!) gain += Math.max(0, similarity(at) - covered[Math.floor(at / k)]!);
    return gain;
  };

  const bounds = Float64Array.from({ length: nodes }, (_, j) => gainOf(j));
  const heap = openIndexedHeap(bounds);
  for (let j = 0; j < nodes; j++) heap.push(j);
  const picked = new Int32Array(Math.min(count, nodes));
  const gains = new Float64Array(picked.length);
  for (let n = 0; n < picked.length; ) {
    const j = heap.peek();
    const gain = gainOf(j);
    if (gain < bounds[j]!) {
      bounds[j] = gain;
      heap.update(j);
      continue;
    }
    heap.pop();
    picked[n] = j;
    gains[n++] = gain;
    covered[j] = 1;
    for (const at of seenBy[j]!) {
      const i = Math.floor(at / k);
      covered[i] = Math.max(covered[i]!, similarity(at));
    }
  }
  return { picked, gains };
}
