import { gatherRows, type Matrix } from '../linalg/matrix.ts';
import { type Kernel, openKernel, type ThreadOptions } from '../linalg/ort-kernel.ts';
import { type Assigner, type Centred, centreCentroids } from './assign.ts';
import type { Assignment } from './reassign.ts';

/** Rows a block: of fewer rows fewer centroids are near, of more the matrix product is quicker. */
const BLOCK_ROWS = 512;
/**
 * The runtime adds products up in another order for 64 centroids and fewer, and would round otherwise than among all.
 */
const LEAST_COMPARED = 65;
/** Single precision errs by less than this share of the products that a score is the sum of. */
const ROUNDING = 1e-4;

/** Whether there are enough centroids for leaving some out to save more than it costs. */
export const canBound = (k: number): boolean => k >= 4 * LEAST_COMPARED;

/** Brings the nearest centroids of rows up to date whenever centroids have moved. */
export interface BoundedAssigner {
  /** Returns how many pairs of a row and a centroid were compared. */
  assign(centroids: Matrix, signal?: AbortSignal): Promise<number>;
  release(): Promise<void>;
}

/** Rows with much the same centroids near. */
interface Block {
  rows: Int32Array;
  /** Largest |x - mean|. */
  radius: number;
  /** Of each centroid at least its score for any of the rows. */
  most: Float32Array;
  /** At most the score of any of the rows for its nearest centroid, when last compared. */
  low: number;
}

/** How far each centroid has moved, and by how much its |c'|^2 / 2 has changed. */
interface Moves {
  length: Float64Array;
  change: Float64Array;
}

/**
 * Assigns rows again and again to centroids that move less and less: bounds as Elkan (2003) has them, but for a block
 * of similar rows at once, so that what is left to compare is a matrix product still. The score x . c' - |c'|^2 / 2 -
 * mean . c', with c' = c - mean, of a row and a centroid changes by at most |x - mean| |move of c'| + |change of |c'|^2
 * / 2|. Each block is compared with the centroids that were near when it was last, and then with those that may have
 * come to reach the least of its best scores. The same as comparing all with all.
 *
 * @param found what is nearest to `centroids`; brought up to date by `assign`, its labels may be changed in between
 */
export async function openBounded(
  points: Matrix,
  { mean, squares }: { mean: Float64Array; squares: Float64Array },
  centroids: Matrix,
  found: Assignment,
  assigner: Assigner,
  options: ThreadOptions,
): Promise<BoundedAssigner> {
  const kernel = await openComparison(options);
  const origin = Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0));
  const labels = found.labels.slice();
  const scores = new Float32Array(points.rows);
  let pairs = 0;
  let before = centreCentroids(centroids, mean);
  let blocks: Block[] | undefined;

  /** Compares rows of a block with some centroids; `most` holds for the rows that were not compared before. */
  const compare = async (rows: Int32Array, { most }: Block, some: Int32Array, centred: Centred): Promise<void> => {
    if (rows.length === 0 || some.length === 0) return;
    const compared = filledUp(some);
    pairs += rows.length * compared.length;
    const { place, best, highest } = await kernel.run({
      points: { data: points.data, dims: [points.rows, points.width] },
      rows: { data: rows, dims: [rows.length] },
      centroids: { data: centred.shifted, dims: [most.length, points.width] },
      bias: { data: centred.bias, dims: [most.length] },
      some: { data: compared, dims: [compared.length] },
      one: { data: BigInt64Array.of(1n), dims: [1] },
    });
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const label = compared[place![i]!]!;
      if (best![i]! < scores[row]! || (best![i] === scores[row] && label > labels[row]!)) continue;
      labels[row] = label;
      scores[row] = best![i]!;
    }
    for (let i = 0; i < compared.length; i++) most[compared[i]!] = Math.max(most[compared[i]!]!, highest![i]!);
  };

  const update = async (block: Block, centred: Centred, moves: Moves, largest: number): Promise<void> => {
    const { rows, radius, most } = block;
    const near = reaching(most, block.low);
    for (let j = 0; j < most.length; j++) most[j]! += radius * moves.length[j]! + moves.change[j]!;
    const hasMoved = (j: number): boolean => moves.length[j]! > 0;
    const moved = near.filter(hasMoved);
    if (moved.length > 0) {
      // What stands still scores as before.
      const left = rows.filter((row) => hasMoved(labels[row]!));
      const settled = rows.filter((row) => !hasMoved(labels[row]!));
      for (const row of left) scores[row] = Number.NEGATIVE_INFINITY;
      for (const j of moved) most[j] = Number.NEGATIVE_INFINITY;
      await compare(left, block, near, centred);
      await compare(settled, block, moved, centred);
      const least = rows.reduce((low, row) => Math.min(low, scores[row]!), Number.POSITIVE_INFINITY);
      block.low = least - ROUNDING * largest * (radius + origin + largest);
    }
    const isNear = new Set(near);
    const others = reaching(most, block.low).filter((j) => !isNear.has(j));
    for (const j of others) most[j] = Number.NEGATIVE_INFINITY;
    await compare(rows, block, others, centred);
    if (moved.length === 0 && others.length === 0) return;
    for (const row of rows) found.distances[row] = Math.max(0, squares[row]! - 2 * scores[row]!);
  };

  return {
    async assign(moved, signal) {
      const centred = centreCentroids(moved, mean);
      const moves = movesBetween(before, centred, moved.width);
      before = centred;
      const alike = { labels, distances: found.distances };
      blocks ??= cutBlocks(await sortAlike(alike, moved, mean, assigner), squares, moved.rows);
      const largest = Math.sqrt(2 * centred.halfSquares.reduce((most, half) => Math.max(most, half), 0));
      pairs = 0;
      for (const block of blocks) {
        signal?.throwIfAborted();
        await update(block, centred, moves, largest);
      }
      found.labels.set(labels);
      return pairs;
    },
    release: () => kernel.release(),
  };
}

function openComparison(options: ThreadOptions): Promise<Kernel> {
  return openKernel(
    [
      { op: 'Gather', inputs: ['points', 'rows'], outputs: ['x'] },
      { op: 'Gather', inputs: ['centroids', 'some'], outputs: ['c'] },
      { op: 'Gather', inputs: ['bias', 'some'], outputs: ['b'] },
      { op: 'Gemm', inputs: ['x', 'c', 'b'], outputs: ['scores'], attributes: { transB: 1 } },
      { op: 'TopK', inputs: ['scores', 'one'], outputs: ['best', 'index'], attributes: { axis: 1 } },
      { op: 'Cast', inputs: ['index'], outputs: ['place'], attributes: { to: 6 } },
      { op: 'ReduceMax', inputs: ['scores'], outputs: ['highest'], attributes: { axes: [0], keepdims: 0 } },
    ],
    [
      { name: 'points', type: 'float32', dims: ['n', 'd'] },
      { name: 'rows', type: 'int32', dims: ['m'] },
      { name: 'centroids', type: 'float32', dims: ['k', 'd'] },
      { name: 'bias', type: 'float32', dims: ['k'] },
      { name: 'some', type: 'int32', dims: ['s'] },
      { name: 'one', type: 'int64', dims: [1] },
    ],
    [
      { name: 'place', type: 'int32', dims: ['m', 1] },
      { name: 'best', type: 'float32', dims: ['m', 1] },
      { name: 'highest', type: 'float32', dims: ['s'] },
    ],
    options,
  );
}

/** Centroids that may reach a score, ascending. */
function reaching(most: Float32Array, score: number): Int32Array {
  const listed: number[] = [];
  for (let j = 0; j < most.length; j++) if (most[j]! >= score) listed.push(j);
  return Int32Array.from(listed);
}

/** Ascending centroids, with as many others as are compared at least. */
function filledUp(some: Int32Array): Int32Array {
  if (some.length >= LEAST_COMPARED) return some;
  const listed = new Set(some);
  for (let j = 0; listed.size < LEAST_COMPARED; j++) listed.add(j);
  return Int32Array.from(listed).sort();
}

/**
 * Rows in an order in which neighbours have much the same centroids near: by their centroid, and these by the one of
 * the first sqrt(k), which k-means++ has spread out, that they are nearest to. Rows farther from their centroid than
 * the mean come last, because the least score of a block decides for all of it.
 */
async function sortAlike(
  { labels, distances }: Assignment,
  centroids: Matrix,
  mean: Float64Array,
  assigner: Assigner,
): Promise<Int32Array> {
  const k = centroids.rows;
  const rows = labels.length;
  const spread = gatherRows(
    centroids,
    Array.from({ length: Math.round(Math.sqrt(k)) }, (_, j) => j),
  );
  const groups = new Int32Array(k);
  await assigner.assign(centroids, spread, mean, new Float64Array(k), groups, new Float64Array(k));
  const middle = distances.reduce((sum, distance) => sum + distance, 0) / rows;
  const keys = Float64Array.from(labels, (label, row) => {
    const part = distances[row]! > middle ? spread.rows : 0;
    return ((part + groups[label]!) * k + label) * rows + row;
  });
  return Int32Array.from(keys.sort(), (key) => key % rows);
}

function cutBlocks(sorted: Int32Array, squares: Float64Array, k: number): Block[] {
  return Array.from({ length: Math.ceil(sorted.length / BLOCK_ROWS) }, (_, b) => {
    const rows = sorted.subarray(b * BLOCK_ROWS, (b + 1) * BLOCK_ROWS);
    const radius = Math.sqrt(rows.reduce((most, row) => Math.max(most, squares[row]!), 0));
    const most = new Float32Array(k).fill(Number.POSITIVE_INFINITY);
    return { rows, radius, most, low: Number.NEGATIVE_INFINITY };
  });
}

function movesBetween(before: Centred, after: Centred, width: number): Moves {
  const change = after.halfSquares.map((half, j) => Math.abs(half - before.halfSquares[j]!));
  const length = change.map((_, j) => {
    let square = 0;
    for (let t = j * width; t < (j + 1) * width; t++) {
      const move = after.shifted[t]! - before.shifted[t]!;
      square += move * move;
    }
    return Math.sqrt(square);
  });
  return { length, change };
}
