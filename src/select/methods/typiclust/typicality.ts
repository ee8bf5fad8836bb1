import { wideOf } from '../../../numeric/columns.ts';
import { type Matrix, squaredDistance } from '../../../numeric/linalg/matrix.ts';
import { type NeighbourTable, nearestRows } from '../../../numeric/neighbour-table.ts';
import type { SelectContext } from '../../selector.ts';

/** Keeps the inverse finite where a row lies on its neighbours. */
const LEAST_DISTANCE = 1e-5;
/** Neighbours a row holds beyond those it needs, for when some are taken. */
const SPARE = 64;

export interface TypicalityOptions {
  /** Most nearest neighbours that count; never more than half of the rows. */
  neighbours: number;
  /** plain: the mean Euclidean distance (the paper); squared: the mean of its square (the published code). */
  distance: 'plain' | 'squared';
}

/** 1 / (mean distance + 1e-5) over the k nearest of those that are left. */
function typicality(squares: readonly number[], distance: TypicalityOptions['distance']): number {
  if (squares.length === 0) return 0;
  const sum = squares.reduce((total, square) => total + (distance === 'plain' ? Math.sqrt(square) : square), 0);
  return 1 / (sum / squares.length + LEAST_DISTANCE);
}

/**
 * Rows of one cluster in the order of TypiClust: always the most typical of those that are left, ties to the first;
 * typicality is taken anew among what is left, with k = min(neighbours, half of the rows left).
 *
 * @param own the rows of the cluster
 * @returns their positions in the order picked, and the typicality of each at the beginning
 */
export async function pickTypical(
  own: Matrix,
  count: number,
  { neighbours, distance }: TypicalityOptions,
  { seed, signal }: Pick<SelectContext, 'seed' | 'signal'>,
): Promise<{ picked: number[]; initial: Float64Array }> {
  const near = await nearestRows(wideOf(own), { k: Math.min(own.rows - 1, neighbours + SPARE), seed, signal });
  const lists = Array.from({ length: own.rows }, (_, i) => listOf(near, i));
  const users: number[][] = Array.from({ length: own.rows }, () => []);
  lists.forEach((list, i) => {
    for (const { other } of list) users[other]!.push(i);
  });
  const isLeft = new Uint8Array(own.rows).fill(1);
  const values = new Float64Array(own.rows);
  const rate = (i: number, k: number): void => {
    let found = nearestLeft(lists[i]!, isLeft, k);
    if (found.length < k) {
      lists[i] = allLeft(own, i, isLeft);
      for (const { other } of lists[i]!) users[other]!.push(i);
      found = nearestLeft(lists[i]!, isLeft, k);
    }
    values[i] = typicality(found, distance);
  };
  const kFor = (left: number): number => Math.min(neighbours, Math.floor(left / 2));

  let k = kFor(own.rows);
  for (let i = 0; i < own.rows; i++) rate(i, k);
  const initial = values.slice();
  const picked: number[] = [];
  while (picked.length < Math.min(count, own.rows)) {
    signal?.throwIfAborted();
    let best = -1;
    for (let i = 0; i < own.rows; i++) if (isLeft[i] === 1 && (best < 0 || values[i]! > values[best]!)) best = i;
    picked.push(best);
    isLeft[best] = 0;
    const next = kFor(own.rows - picked.length);
    const touched = next === k ? users[best]! : isLeft.keys();
    k = next;
    for (const i of touched) if (isLeft[i] === 1) rate(i, k);
  }
  return { picked, initial };
}

interface Near {
  other: number;
  square: number;
}

function listOf({ k, rows, squares }: NeighbourTable, i: number): Near[] {
  const list: Near[] = [];
  for (let at = i * k; at < (i + 1) * k && rows[at]! >= 0; at++) list.push({ other: rows[at]!, square: squares[at]! });
  return list;
}

/** Squared distances of the first k of a list that are left. */
function nearestLeft(list: readonly Near[], isLeft: Uint8Array, k: number): number[] {
  const found: number[] = [];
  for (const { other, square } of list) {
    if (found.length === k) break;
    if (isLeft[other] === 1) found.push(square);
  }
  return found;
}

/** A new list for a row whose own has run out. */
function allLeft(own: Matrix, i: number, isLeft: Uint8Array): Near[] {
  const list: Near[] = [];
  for (let other = 0; other < own.rows; other++) {
    if (other !== i && isLeft[other] === 1) list.push({ other, square: squaredDistance(own, i, own, other) });
  }
  return list.sort((a, b) => a.square - b.square || a.other - b.other);
}
