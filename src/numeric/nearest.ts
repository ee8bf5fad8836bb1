import { type Matrix, rowRange } from './linalg/matrix.ts';
import { openKernel, type ThreadOptions } from './linalg/ort-kernel.ts';
import { openTopK } from './topk.ts';

/** Candidates a block: a block of scores (queries x this) stays within the processor's cache for a few queries. */
const BLOCK_ROWS = 4096;
const QUERY_ROWS = 256;

/** Neighbours of each query, best first; fewer than k where the candidates are fewer. */
export interface Neighbours {
  /** `rows[q]`: rows of the candidates. */
  rows: Int32Array[];
  /** `similarities[q]`: cosine, -1 to 1. */
  similarities: Float32Array[];
}

export interface NearestOptions extends ThreadOptions {
  /** Neighbours a query. */
  k: number;
  /** Leaves out a pair, e.g. a row and itself. */
  skip?: (query: number, candidate: number) => boolean;
  signal?: AbortSignal;
}

/**
 * Copies with every row scaled to length 1; rows of length 0 or with values that aren't finite become 0 and are marked.
 */
function toUnit(matrix: Matrix): { unit: Matrix; usable: Uint8Array } {
  const data = matrix.data.slice();
  const usable = new Uint8Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row++) {
    const values = data.subarray(row * matrix.width, (row + 1) * matrix.width);
    let square = 0;
    for (const value of values) square += value * value;
    const length = Math.sqrt(square);
    usable[row] = length > 0 && Number.isFinite(length) ? 1 : 0;
    if (usable[row] === 1) for (let t = 0; t < values.length; t++) values[t]! /= length;
    else values.fill(0);
  }
  return { unit: { ...matrix, data }, usable };
}

/**
 * Exact nearest neighbours by cosine, in blocks: memory grows with neither side. Ties go to the earlier row. Rows
 * without a direction (zero, NaN) are nobody's neighbour and have none.
 */
export async function nearestByCosine(
  queries: Matrix,
  candidates: Matrix,
  { k, skip, signal, ...threads }: NearestOptions,
): Promise<Neighbours> {
  const kernel = await openKernel(
    [{ op: 'Gemm', inputs: ['q', 'c'], outputs: ['s'], attributes: { transB: 1 } }],
    [
      { name: 'q', type: 'float32', dims: ['m', 'd'] },
      { name: 'c', type: 'float32', dims: ['n', 'd'] },
    ],
    [{ name: 's', type: 'float32', dims: ['m', 'n'] }],
    threads,
  );
  try {
    const query = toUnit(queries);
    const best = Array.from({ length: queries.rows }, () => openTopK(k));
    for (let start = 0; start < candidates.rows; start += BLOCK_ROWS) {
      const block = toUnit(rowRange(candidates, start, Math.min(BLOCK_ROWS, candidates.rows - start)));
      const n = block.unit.rows;
      for (let first = 0; first < queries.rows; first += QUERY_ROWS) {
        signal?.throwIfAborted();
        const m = Math.min(QUERY_ROWS, queries.rows - first);
        const { s } = await kernel.run({
          q: { data: rowRange(query.unit, first, m).data, dims: [m, queries.width] },
          c: { data: block.unit.data, dims: [n, candidates.width] },
        });
        for (let i = 0; i < m; i++) {
          if (query.usable[first + i] === 0) continue;
          for (let j = 0; j < n; j++) {
            if (block.usable[j] === 0 || skip?.(first + i, start + j)) continue;
            best[first + i]!.push(start + j, s![i * n + j]!);
          }
        }
      }
    }
    return {
      rows: best.map((top) => top.rows()),
      similarities: best.map((top) => Float32Array.from(top.scores())),
    };
  } finally {
    await kernel.release();
  }
}
