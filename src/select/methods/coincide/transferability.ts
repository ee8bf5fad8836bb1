import type { Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowRange, unitRows } from '../../../numeric/linalg/matrix.ts';

const BLOCK_ROWS = 512;

/**
 * The columns [from, to) of each of `layers` equal blocks, side by side: the language half of a COINCIDE feature, which
 * has [vision, language] for each layer.
 */
export function sliceOfLayers(matrix: Matrix, layers: number, [from, to]: readonly [number, number]): Matrix {
  const perLayer = matrix.width / layers;
  const width = layers * (to - from);
  const data = new Float32Array(matrix.rows * width);
  for (let row = 0; row < matrix.rows; row++) {
    for (let l = 0; l < layers; l++) {
      const start = row * matrix.width + l * perLayer;
      data.set(matrix.data.subarray(start + from, start + to), row * width + l * (to - from));
    }
  }
  return { data, rows: matrix.rows, width };
}

/**
 * Transferability of clusters: T_i, the mean cosine of centroid i to the other centroids. Pairs above `excludeAbove`
 * count in neither sum nor number (the published code leaves out those above 0.9, itself among them). A centroid with
 * no pair left has 0.
 */
export async function transferability(
  centroids: Matrix,
  products: Products,
  { excludeAbove }: { excludeAbove?: number } = {},
): Promise<Float64Array> {
  const units = unitRows(centroids);
  const means = new Float64Array(units.rows);
  for (let start = 0; start < units.rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, units.rows - start);
    const cosines = await products.dots(rowRange(units, start, count), units);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      let pairs = 0;
      for (let j = 0; j < units.rows; j++) {
        const cosine = cosines[i * units.rows + j]!;
        if (start + i === j || (excludeAbove !== undefined && cosine > excludeAbove)) continue;
        sum += cosine;
        pairs++;
      }
      means[start + i] = pairs === 0 ? 0 : sum / pairs;
    }
  }
  return means;
}
