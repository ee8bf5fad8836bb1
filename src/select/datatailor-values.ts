import type { Matrix } from '../numeric/matrix.ts';
import { gatherRows, rowRange, squaredDistance } from '../numeric/matrix.ts';
import type { Products } from '../numeric/products.ts';

/** Numbers up to which distances are computed one by one in double precision instead of by products. */
const FEW_NUMBERS = 2 ** 26;
const BLOCK_ROWS = 1024;

/**
 * Representativeness of the rows of one source: informativeness times the mean over the other clusters of e^cos of their centroids. With a single
 * cluster there is nothing to be similar to: the informativeness itself (as published NaN).
 *
 * @param clusters rows of each cluster
 */
export function representativeness(
  points: Matrix,
  clusters: readonly (readonly number[])[],
  informativeness: ArrayLike<number>,
): Map<number, number> {
  const centroids = clusters.map((rows) => meanOf(points, rows));
  const lengths = centroids.map((centroid) => Math.sqrt(centroid.reduce((sum, value) => sum + value * value, 0)));
  const cosine = (a: number, b: number): number => {
    const dot = centroids[a]!.reduce((sum, value, t) => sum + value * centroids[b]![t]!, 0);
    return lengths[a]! * lengths[b]! > 0 ? dot / lengths[a]! / lengths[b]! : 0;
  };
  const values = new Map<number, number>();
  clusters.forEach((rows, c) => {
    let sum = 0;
    for (let other = 0; other < clusters.length; other++) if (other !== c) sum += Math.exp(cosine(c, other));
    const likeness = clusters.length > 1 ? sum / (clusters.length - 1) : 1;
    for (const row of rows) values.set(row, informativeness[row]! * likeness);
  });
  return values;
}

function meanOf({ data, width }: Matrix, rows: readonly number[]): Float64Array {
  const sum = new Float64Array(width);
  for (const row of rows) for (let t = 0; t < width; t++) sum[t]! += data[row * width + t]!;
  return sum.map((value) => value / rows.length);
}

/**
 * Uniqueness of the rows of one cluster: sum_j d_ij I_j / (sum of all d / size), d the Euclidean distance and I the informativeness. Where all
 * distances are 0, as for a row alone, it is the mean informativeness, which it otherwise is on average.
 */
export async function uniqueness(
  points: Matrix,
  rows: readonly number[],
  informativeness: ArrayLike<number>,
  products: Products,
): Promise<Float64Array> {
  const info = Float64Array.from(rows, (row) => informativeness[row]!);
  const weighted = new Float64Array(rows.length);
  let total = 0;
  const own = centred(gatherRows(points, rows));
  const isFew = rows.length ** 2 * points.width <= FEW_NUMBERS;
  const squares = Float64Array.from(rows, (_, i) => squareOf(own, i));
  for (let start = 0; start < own.rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, own.rows - start);
    const dots = isFew ? undefined : await products.dots(rowRange(own, start, count), own);
    for (let i = start; i < start + count; i++) {
      for (let j = 0; j < own.rows; j++) {
        const square =
          dots === undefined
            ? squaredDistance(own, i, own, j)
            : i === j
              ? 0
              : squares[i]! + squares[j]! - 2 * dots[(i - start) * own.rows + j]!;
        const distance = Math.sqrt(Math.max(0, square));
        weighted[i]! += distance * info[j]!;
        total += distance;
      }
    }
  }
  if (total > 0) return weighted.map((sum) => sum / (total / rows.length));
  return weighted.fill(info.reduce((sum, value) => sum + value, 0) / rows.length);
}

/** Rows less their mean, so that products keep their precision where all rows point one way. */
function centred(matrix: Matrix): Matrix {
  const { data, rows, width } = matrix;
  const mean = meanOf(
    matrix,
    Array.from({ length: rows }, (_, i) => i),
  );
  return { data: data.map((value, at) => value - mean[at % width]!), rows, width };
}

function squareOf({ data, width }: Matrix, row: number): number {
  let sum = 0;
  for (let t = row * width; t < (row + 1) * width; t++) sum += data[t]! * data[t]!;
  return sum;
}

/** Rank of each value among all, from 0 in steps of 1 / n, ties in their order. */
export function shareOfRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b);
  const ranks = new Float64Array(values.length);
  order.forEach((i, rank) => {
    ranks[i] = rank / values.length;
  });
  return ranks;
}
