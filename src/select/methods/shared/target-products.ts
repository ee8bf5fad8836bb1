import type { WideColumn } from '../../../numeric/columns.ts';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowLength } from '../../../numeric/linalg/matrix.ts';
import type { SelectContext } from '../../selector.ts';

/**
 * Mean vector of each group of rows. Rows that aren't finite are left out; a group without any other is 0.
 *
 * @param isUnit scale each row to length 1 first
 */
export function groupMeans(vectors: Matrix, groups: ArrayLike<number>, count: number, isUnit: boolean): Matrix {
  const { width } = vectors;
  const sums = new Float64Array(count * width);
  const sizes = new Int32Array(count);
  for (let row = 0; row < vectors.rows; row++) {
    const group = groups[row]!;
    const length = rowLength(vectors, row);
    if (group < 0 || Number.isNaN(length)) continue;
    sizes[group]!++;
    const scale = !isUnit ? 1 : length > 0 ? 1 / length : 0;
    for (let t = 0; t < width; t++) sums[group * width + t]! += vectors.data[row * width + t]! * scale;
  }
  const data = Float32Array.from(sums, (sum, i) => sum / Math.max(1, sizes[Math.floor(i / width)]!));
  return { data, rows: count, width };
}

/**
 * Dot products of every row of a column with a few target vectors, in one pass; memory is one number a row and target.
 *
 * @param isUnit scale each row to length 1 first (a row of length 0 has products of 0)
 * @returns rows x targets, row-major; NaN for rows that aren't finite
 */
export async function targetProducts(
  column: WideColumn,
  targets: Matrix,
  isUnit: boolean,
  { signal, progress }: Pick<SelectContext, 'signal' | 'progress'> = {},
): Promise<Float32Array> {
  if (column.width !== targets.width && column.rows > 0) {
    throw new RangeError(`Rows of ${column.width} numbers and targets of ${targets.width} have no product.`);
  }
  const found = new Float32Array(column.rows * targets.rows);
  const products = await openProducts();
  try {
    for await (const { start, matrix } of column.blocks()) {
      signal?.throwIfAborted();
      const dots = await products.dots(matrix, targets);
      for (let i = 0; i < matrix.rows; i++) {
        const length = rowLength(matrix, i);
        const scale = !isUnit ? 1 : length > 0 ? 1 / length : 0;
        for (let j = 0; j < targets.rows; j++) {
          const dot = Number.isNaN(length) ? Number.NaN : length === 0 ? 0 : dots[i * targets.rows + j]! * scale;
          found[(start + i) * targets.rows + j] = dot;
        }
      }
      progress?.(start + matrix.rows, column.rows, 'comparing with the target');
    }
  } finally {
    await products.release();
  }
  return found;
}
