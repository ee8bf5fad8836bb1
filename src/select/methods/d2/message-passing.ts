import { openIndexedHeap } from '../../../numeric/indexed-heap.ts';
import type { NeighbourTable } from '../../../numeric/neighbour-table.ts';

/** Scores below this count as this much, so that no node sends a negative message. */
const LEAST_SCORE = 1e-7;

/**
 * D2, forward messages: u_i = max(s_i, 1e-7) + sum over the k nearest j of e^(-gamma d_ij) max(s_j, 1e-7), with squared
 * distances d.
 */
export function forwardMessages(score: ArrayLike<number>, near: NeighbourTable, gamma = 1): Float64Array {
  const { k, rows, squares } = near;
  return Float64Array.from({ length: score.length }, (_, i) => {
    let sum = Math.max(score[i]!, LEAST_SCORE);
    for (let at = i * k; at < (i + 1) * k; at++) {
      if (rows[at]! >= 0) sum += Math.exp(-gamma * squares[at]!) * Math.max(score[rows[at]!]!, LEAST_SCORE);
    }
    return sum;
  });
}

/** Reverse messages of a picked node: u_j -= e^(-gamma d_ij) u_i for its neighbours. Says which have changed. */
function sendBack(
  values: Float64Array,
  picked: number,
  near: NeighbourTable,
  gamma: number,
  changed: (j: number) => void,
): void {
  const { k, rows, squares } = near;
  const own = values[picked]!;
  for (let at = picked * k; at < (picked + 1) * k; at++) {
    const j = rows[at]!;
    if (j < 0) continue;
    values[j]! -= Math.exp(-gamma * squares[at]!) * own;
    changed(j);
  }
}

/**
 * D2, exact: always takes the node with the largest value, ties to the first, and sends its reverse messages.
 *
 * @returns `count` nodes in the order taken
 */
export function pickGreedily(start: Float64Array, near: NeighbourTable, gamma: number, count: number): Int32Array {
  const values = start.slice();
  const heap = openIndexedHeap(values);
  for (let i = 0; i < values.length; i++) heap.push(i);
  const picked = new Int32Array(Math.min(count, values.length));
  for (let n = 0; n < picked.length; n++) {
    picked[n] = heap.pop();
    sendBack(values, picked[n]!, near, gamma, heap.update);
  }
  return picked;
}

/**
 * D2, as published for large data: nodes are visited in the order of their first values. One that has meanwhile fallen
 * below the next in the list waits on standby, and is taken once its value is at least that of the head of the list. No
 * exact greedy: a node can be overtaken by its immediate successor alone. Ties to the one that waits longer; at the end
 * of the list, where the published code reads beyond it, the waiting ones are taken by value.
 */
export function pickWithStandby(start: Float64Array, near: NeighbourTable, gamma: number, count: number): Int32Array {
  const values = start.slice();
  const list = Int32Array.from(start.keys()).sort((a, b) => start[b]! - start[a]! || a - b);
  const since = new Float64Array(values.length).fill(Number.POSITIVE_INFINITY);
  const standby = openIndexedHeap(values, since);
  const picked = new Int32Array(Math.min(count, values.length));
  let head = 0;
  for (let n = 0; n < picked.length; ) {
    const isOver = head >= list.length;
    let next: number;
    if (standby.size > 0 && (isOver || values[standby.peek()]! >= values[list[head]!]!)) next = standby.pop();
    else {
      next = list[head]!;
      head++;
      const follower = list[head];
      if (follower !== undefined && values[next]! < values[follower]!) {
        since[next] = head;
        standby.push(next);
        continue;
      }
    }
    picked[n++] = next;
    sendBack(values, next, near, gamma, standby.update);
  }
  return picked;
}

/** The two ways in which the dense sampler adds messages up and takes them back. */
export interface DensityMode {
  /** sum: s_i plus the messages; product: s_i times them. */
  graph: 'sum' | 'product';
  /** weighted: takes back e^(-gamma d) of the picked value; absolute: all of it. */
  sampling: 'weighted' | 'absolute';
}

/**
 * D2, dense sampler: a graph made symmetric (j is a neighbour of i or i of j), with plain, not squared, distances. The
 * start value of a node is its score plus, or times, sum over neighbours of e^(-d) max(s, 1e-7).
 */
export function densitySampler(
  score: ArrayLike<number>,
  near: NeighbourTable,
  { graph, sampling }: DensityMode,
  gamma: number,
  count: number,
): { start: Float64Array; picked: Int32Array } {
  const links = symmetricLinks(score.length, near);
  const start = Float64Array.from(links, (own, i) => {
    let sum = 0;
    for (const [j, distance] of own) sum += Math.exp(-distance) * Math.max(score[j]!, LEAST_SCORE);
    return graph === 'sum' ? sum + score[i]! : sum * score[i]!;
  });
  const values = start.slice();
  const heap = openIndexedHeap(values);
  for (let i = 0; i < values.length; i++) heap.push(i);
  const picked = new Int32Array(Math.min(count, values.length));
  for (let n = 0; n < picked.length; n++) {
    const next = heap.pop();
    const own = values[next]!;
    picked[n] = next;
    for (const [j, distance] of links[next]!) {
      values[j]! -= sampling === 'absolute' ? own : Math.exp(-gamma * distance) * own;
      heap.update(j);
    }
  }
  return { start, picked };
}

/** Neighbours of each node with their distance, in both directions, by row. */
function symmetricLinks(nodes: number, { k, rows, squares }: NeighbourTable): [number, number][][] {
  const links = Array.from({ length: nodes }, () => new Map<number, number>());
  for (let at = 0; at < nodes * k; at++) {
    const i = Math.floor(at / k);
    const j = rows[at]!;
    if (j < 0) continue;
    links[i]!.set(j, Math.sqrt(squares[at]!));
    links[j]!.set(i, Math.sqrt(squares[at]!));
  }
  return links.map((own) => [...own].sort(([a], [b]) => a - b));
}
