import { gatherRows, type Matrix } from '../linalg/matrix.ts';
import type { Assigner } from './assign.ts';

/** Nearest centroid of each row, and the squared distance to it. */
export interface Assignment {
  labels: Int32Array;
  distances: Float64Array;
}

/** Rows that are copied at a time. */
const BLOCK_ROWS = 8192;

/**
 * Assigns all rows again after some centroids have moved. Every row is compared with those that moved, and with the
 * others only where its own is among the moved: the distance to a centroid that stands still is known, and was the
 * smallest. After a few iterations most stand still, since no row has joined or left them. The same as comparing all
 * with all.
 *
 * @param isMoved 1 for each centroid that isn't where it was when `found` was made
 * @param found what was nearest before; brought up to date
 */
export async function reassign(
  points: Matrix,
  centroids: Matrix,
  isMoved: Uint8Array,
  { mean, squares }: { mean: Float64Array; squares: Float64Array },
  assigner: Assigner,
  found: Assignment,
  signal?: AbortSignal,
): Promise<void> {
  const { labels, distances } = found;
  const moved: number[] = [];
  const still: number[] = [];
  for (let j = 0; j < centroids.rows; j++) (isMoved[j] === 1 ? moved : still).push(j);
  if (moved.length === 0) return;
  if (still.length === 0) return assigner.assign(points, centroids, mean, squares, labels, distances, signal);

  const near = { labels: new Int32Array(points.rows), distances: new Float64Array(points.rows) };
  const take = (row: number, centroid: number, distance: number): void => {
    if (distance > distances[row]! || (distance === distances[row] && centroid > labels[row]!)) return;
    labels[row] = centroid;
    distances[row] = distance;
  };
  await assigner.assign(points, gatherRows(centroids, moved), mean, squares, near.labels, near.distances, signal);
  const left: number[] = [];
  for (let row = 0; row < points.rows; row++) {
    if (isMoved[labels[row]!] === 1) {
      left.push(row);
      distances[row] = Number.POSITIVE_INFINITY;
    }
    take(row, moved[near.labels[row]!]!, near.distances[row]!);
  }
  const takeStill = (row: number, at: number, distance: number): void => take(row, still[at]!, distance);
  await assignListed(points, left, gatherRows(centroids, still), { mean, squares }, assigner, takeStill, signal);
}

/** Finds the nearest centroid of the listed rows, and tells it row by row. */
export async function assignListed(
  points: Matrix,
  rows: readonly number[],
  centroids: Matrix,
  { mean, squares }: { mean: Float64Array; squares: Float64Array },
  assigner: Assigner,
  tell: (row: number, label: number, distance: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const labels = new Int32Array(BLOCK_ROWS);
  const distances = new Float64Array(BLOCK_ROWS);
  for (let start = 0; start < rows.length; start += BLOCK_ROWS) {
    const some = rows.slice(start, start + BLOCK_ROWS);
    const own = Float64Array.from(some, (row) => squares[row]!);
    await assigner.assign(gatherRows(points, some), centroids, mean, own, labels, distances, signal);
    for (let i = 0; i < some.length; i++) tell(some[i]!, labels[i]!, distances[i]!);
  }
}
