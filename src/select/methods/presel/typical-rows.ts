import type { Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowRange } from '../../../numeric/linalg/matrix.ts';
import { rankRows } from '../../../numeric/topk.ts';

const BLOCK_ROWS = 512;
/** Neighbours that PreSel's typicality is measured by. */
const NEIGHBOURS = 5;

/**
 * Positions of the rows of one cluster, the most typical first: by the mean cosine to the min(5, n - 1) nearest others
 * of it.
 */
export async function typicalRows(
  own: Matrix,
  products: Products,
): Promise<{ order: Int32Array; typicality: Float64Array }> {
  const typicality = await meanTopProducts(own, Math.min(NEIGHBOURS, own.rows - 1), products);
  return { order: rankRows([...typicality.keys()], typicality), typicality };
}

/** Mean product of each row with the k others that give the largest, 0 with k = 0. All pairs are compared. */
async function meanTopProducts(own: Matrix, k: number, products: Products): Promise<Float64Array> {
  const means = new Float64Array(own.rows);
  if (k <= 0) return means;
  const best = new Float64Array(k);
  for (let start = 0; start < own.rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, own.rows - start);
    const dots = await products.dots(rowRange(own, start, count), own);
    for (let i = 0; i < count; i++) {
      best.fill(Number.NEGATIVE_INFINITY);
      for (let j = 0; j < own.rows; j++) {
        const dot = dots[i * own.rows + j]!;
        if (j === start + i || dot <= best[k - 1]!) continue;
        let at = k - 1;
        for (; at > 0 && best[at - 1]! < dot; at--) best[at] = best[at - 1]!;
        best[at] = dot;
      }
      means[start + i] = best.reduce((sum, dot) => sum + dot, 0) / k;
    }
  }
  return means;
}
