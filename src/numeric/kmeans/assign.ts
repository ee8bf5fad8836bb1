import type { Matrix } from '../linalg/matrix.ts';
import { type Kernel, openKernel, type ThreadOptions } from '../linalg/ort-kernel.ts';

/**
 * Rows a run. Fixed, so that results depend neither on memory nor on threads; larger blocks are no faster and cost
 * memory.
 */
const BLOCK_ROWS = 1024;

/**
 * Finds for every row its nearest centroid by one fused matrix product and top-1; the scores never leave the runtime.
 */
export interface Assigner {
  /**
   * argmin_j |x_i - c_j|^2 for all rows, as argmax_j of x_i . c'_j - |c'_j|^2 / 2 - mean . c'_j with c' = c - mean.
   * Centring the centroids only costs nothing and keeps the digits that f32 would lose on data far from the origin.
   *
   * @param squares |x_i - mean|^2 of each row
   * @param labels out: nearest centroid, the lowest index on ties
   * @param distances out: squared Euclidean distance to it, at least 0
   */
  assign(
    rows: Matrix,
    centroids: Matrix,
    mean: Float64Array,
    squares: Float64Array,
    labels: Int32Array,
    distances: Float64Array,
    signal?: AbortSignal,
  ): Promise<void>;
  release(): Promise<void>;
}

function openBestMatch(options: ThreadOptions): Promise<Kernel> {
  return openKernel(
    [
      { op: 'Gemm', inputs: ['x', 'c', 'b'], outputs: ['scores'], attributes: { transB: 1 } },
      // Of equal scores it takes the lower index, and it looks at them once; ArgMax and ReduceMax do so twice, on one
      // thread.
      { op: 'TopK', inputs: ['scores', 'one'], outputs: ['best', 'index'], attributes: { axis: 1 } },
      { op: 'Cast', inputs: ['index'], outputs: ['label'], attributes: { to: 6 } },
    ],
    [
      { name: 'x', type: 'float32', dims: ['m', 'd'] },
      { name: 'c', type: 'float32', dims: ['k', 'd'] },
      { name: 'b', type: 'float32', dims: ['k'] },
      { name: 'one', type: 'int64', dims: [1] },
    ],
    [
      { name: 'label', type: 'int32', dims: ['m', 1] },
      { name: 'best', type: 'float32', dims: ['m', 1] },
    ],
    options,
  );
}

/** c' = c - mean and its bias, in f32 as the product needs them, and |c'|^2 / 2. */
export interface Centred {
  shifted: Float32Array;
  bias: Float32Array;
  halfSquares: Float64Array;
}

/** Centroids as scores are computed from them. */
export function centreCentroids(centroids: Matrix, mean: Float64Array): Centred {
  const { data, rows: k, width } = centroids;
  const shifted = new Float32Array(k * width);
  const bias = new Float32Array(k);
  const halfSquares = new Float64Array(k);
  for (let j = 0; j < k; j++) {
    let sum = 0;
    let square = 0;
    for (let t = 0; t < width; t++) {
      const value = Math.fround(data[j * width + t]! - mean[t]!);
      shifted[j * width + t] = value;
      sum += value * (value / 2 + mean[t]!);
      square += value * value;
    }
    bias[j] = -sum;
    halfSquares[j] = square / 2;
  }
  return { shifted, bias, halfSquares };
}

/** Opens the assignment kernel. */
export async function openAssigner(options: ThreadOptions = {}): Promise<Assigner> {
  const kernel = await openBestMatch(options);
  return {
    async assign(rows, centroids, mean, squares, labels, distances, signal) {
      const { width } = rows;
      const { shifted, bias } = centreCentroids(centroids, mean);
      const c = { data: shifted, dims: [centroids.rows, width] };
      const b = { data: bias, dims: [centroids.rows] };
      const one = { data: BigInt64Array.of(1n), dims: [1] };
      for (let start = 0; start < rows.rows; start += BLOCK_ROWS) {
        signal?.throwIfAborted();
        const m = Math.min(BLOCK_ROWS, rows.rows - start);
        const x = { data: rows.data.subarray(start * width, (start + m) * width), dims: [m, width] };
        const { label, best } = await kernel.run({ x, c, b, one });
        labels.set(label as Int32Array, start);
        for (let i = 0; i < m; i++) distances[start + i] = Math.max(0, squares[start + i]! - 2 * best![i]!);
      }
    },
    release: () => kernel.release(),
  };
}
