import type { Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowRange, squaredDistance, squaredLength } from '../../../numeric/linalg/matrix.ts';

/** Below this many numbers a kernel is computed in double precision from differences. */
const SMALL = 1 << 20;
/** Rows up to which a whole kernel is held (128 MiB); beyond, columns are made when they are asked for. */
const HELD_ROWS = 4096;
const BLOCK_ROWS = 1024;

/** The Gaussian kernel k(x, y) = exp(-|x - y|^2 / (2 sigma^2)) among the rows of one cluster. */
export interface Kernel {
  rows: number;
  /** sum_j k(i, j) of each row i, the diagonal included. */
  sums: Float64Array;
  /** k(i, .) */
  row(i: number): Promise<Float64Array>;
}

/** The kernel among the rows of one cluster. */
export async function gaussianKernel(own: Matrix, sigma: number, products: Products): Promise<Kernel> {
  const { rows, width } = own;
  const scale = -1 / (2 * sigma * sigma);
  const isSmall = rows * rows * width <= SMALL;
  const squares = new Float64Array(rows);
  if (!isSmall) for (let i = 0; i < rows; i++) squares[i] = squaredLength(own, i);
  const block = async (start: number, count: number): Promise<Float64Array> => {
    const values = new Float64Array(count * rows);
    const dots = isSmall ? undefined : await products.dots(rowRange(own, start, count), own);
    for (let i = 0; i < count; i++) {
      const row = start + i;
      for (let j = 0; j < rows; j++) {
        const at = i * rows + j;
        if (j === row) values[at] = 1;
        // It is symmetric: what this block has on the other side of the diagonal is done.
        else if (j >= start && j < row) values[at] = values[(j - start) * rows + row]!;
        else {
          const square =
            dots === undefined
              ? squaredDistance(own, row, own, j)
              : Math.max(0, squares[row]! + squares[j]! - 2 * dots[at]!);
          values[at] = Math.exp(scale * square);
        }
      }
    }
    return values;
  };

  const blockRows = rows <= HELD_ROWS ? rows : BLOCK_ROWS;
  let held: Float64Array | undefined;
  const sums = new Float64Array(rows);
  for (let start = 0; start < rows; start += blockRows) {
    const count = Math.min(blockRows, rows - start);
    const values = await block(start, count);
    if (count === rows) held = values;
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let j = 0; j < rows; j++) sum += values[i * rows + j]!;
      sums[start + i] = sum;
    }
  }
  const row = async (i: number): Promise<Float64Array> =>
    held?.subarray(i * rows, (i + 1) * rows) ?? (await block(i, 1));
  return { rows, sums, row };
}

/**
 * Density of a cluster: the mean of its kernel over ordered pairs. With the diagonal as in the published code, without
 * it as in the paper; a single row has density 1 in both.
 */
export function density({ rows, sums }: Kernel, diagonal: 'with' | 'without'): number {
  const total = sums.reduce((sum, value) => sum + value, 0);
  if (diagonal === 'with') return rows === 0 ? Number.NaN : total / (rows * rows);
  return rows <= 1 ? 1 : (total - rows) / (rows * (rows - 1));
}

/**
 * Rows that stand for their cluster: S grows by the row that makes MMD^2(S, cluster) = mean k over S x S - 2 mean k
 * over S x cluster + const smallest, ties to the first. A larger count begins with what a smaller one picks. O(count x
 * rows).
 *
 * @returns positions in the kernel, in the order picked, and MMD^2 after each pick
 */
export async function greedyMmd(kernel: Kernel, count: number): Promise<{ picked: Int32Array; mmd2: Float64Array }> {
  const { rows, sums } = kernel;
  const wanted = Math.min(count, rows);
  const picked = new Int32Array(wanted);
  const mmd2 = new Float64Array(wanted);
  const isPicked = new Uint8Array(rows);
  const toPicked = new Float64Array(rows);
  const all = sums.reduce((sum, value) => sum + value, 0) / (rows * rows);
  let within = 0;
  let across = 0;
  for (let n = 1; n <= wanted; n++) {
    let best = -1;
    let lowest = Number.POSITIVE_INFINITY;
    for (let c = 0; c < rows; c++) {
      if (isPicked[c] === 1) continue;
      const value = (within + 2 * toPicked[c]! + 1) / (n * n) - (2 * (across + sums[c]!)) / (n * rows);
      if (value < lowest) {
        lowest = value;
        best = c;
      }
    }
    isPicked[best] = 1;
    picked[n - 1] = best;
    mmd2[n - 1] = lowest + all;
    within += 2 * toPicked[best]! + 1;
    across += sums[best]!;
    if (n === wanted) break;
    const column = await kernel.row(best);
    for (let c = 0; c < rows; c++) toPicked[c]! += column[c]!;
  }
  return { picked, mmd2 };
}
