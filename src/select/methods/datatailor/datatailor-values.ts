import type { WideColumn } from '../../../numeric/columns.ts';
import type { Products } from '../../../numeric/linalg/gemm.ts';
import type { Matrix } from '../../../numeric/linalg/matrix.ts';
import { rowRange, squaredDistance } from '../../../numeric/linalg/matrix.ts';

/** Numbers up to which distances are computed one by one in double precision instead of by products. */
const FEW_NUMBERS = 2 ** 26;
const BLOCK_ROWS = 1024;

/**
 * Representativeness of the rows of one source: informativeness times the mean over the other clusters of e^cos of
 * their centroids. With a single cluster there is nothing to be similar to: the informativeness itself, as published
 * NaN.
 *
 * @param clusters rows of each cluster
 */
export async function representativeness(
  points: WideColumn,
  clusters: readonly (readonly number[])[],
  informativeness: ArrayLike<number>,
  isOfficial = false,
): Promise<Map<number, number>> {
  const centroids: Float64Array[] = [];
  for (const rows of clusters) centroids.push(meanRow(await points.gather(rows)));
  const lengths = centroids.map((centroid) => Math.sqrt(centroid.reduce((sum, value) => sum + value * value, 0)));
  const cosine = (a: number, b: number): number => {
    const dot = centroids[a]!.reduce((sum, value, t) => sum + value * centroids[b]![t]!, 0);
    return lengths[a]! * lengths[b]! > 0 ? dot / lengths[a]! / lengths[b]! : 0;
  };
  const values = new Map<number, number>();
  clusters.forEach((rows, c) => {
    let sum = 0;
    for (let other = 0; other < clusters.length; other++) if (other !== c) sum += Math.exp(cosine(c, other));
    const likeness = clusters.length > 1 ? sum / (clusters.length - 1) : isOfficial ? Number.NaN : 1;
    for (const row of rows) values.set(row, informativeness[row]! * likeness);
  });
  return values;
}

/** The mean of all rows. */
export function meanRow({ data, rows, width }: Matrix): Float64Array {
  const sum = new Float64Array(width);
  for (let row = 0; row < rows; row++) for (let t = 0; t < width; t++) sum[t]! += data[row * width + t]!;
  return sum.map((value) => value / rows);
}

/**
 * Uniqueness of the rows of one cluster: sum_j d_ij I_j / (sum of all d / size), d the Euclidean distance and I the
 * informativeness. Where all distances are 0, as for a row alone, it is the mean informativeness, which it otherwise is
 * on average, as published NaN.
 */
export async function uniqueness(
  rows: Matrix,
  info: readonly number[],
  products: Products,
  isOfficial = false,
): Promise<Float64Array> {
  const weighted = new Float64Array(rows.rows);
  let total = 0;
  const own = centred(rows);
  const isFew = own.rows ** 2 * own.width <= FEW_NUMBERS;
  const squares = Float64Array.from(info, (_, i) => squareOf(own, i));
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
  if (total > 0) return weighted.map((sum) => sum / (total / own.rows));
  return weighted.fill(isOfficial ? Number.NaN : info.reduce((sum, value) => sum + value, 0) / own.rows);
}

/** Rows less their mean, so that products keep their precision where all rows point one way. */
function centred(matrix: Matrix): Matrix {
  const { data, rows, width } = matrix;
  const mean = meanRow(matrix);
  return { data: data.map((value, at) => value - mean[at % width]!), rows, width };
}

function squareOf({ data, width }: Matrix, row: number): number {
  let sum = 0;
  for (let t = row * width; t < (row + 1) * width; t++) sum += data[t]! * data[t]!;
  return sum;
}

/** Rank of each value among all, from 0, ties in their order, NaN highest. */
export function ranksOf(values: ArrayLike<number>): Int32Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => Number(Number.isNaN(values[a])) - Number(Number.isNaN(values[b])) || values[a]! - values[b]! || a - b,
  );
  const ranks = new Int32Array(values.length);
  order.forEach((i, rank) => {
    ranks[i] = rank;
  });
  return ranks;
}

/**
 * (R rank(I) + rank(U) + rank(P)) / (R + 2) of a row, ranks as shares of the n rows of its source. From whole ranks, so
 * that equal scores are equal; as published the shares are in single precision, whose rounding parts them.
 *
 * @param turns R
 */
export function combinedRank(
  [informative, unique, representative]: readonly [number, number, number],
  turns: number,
  n: number,
  isOfficial = false,
): number {
  if (!isOfficial) return (turns * informative + unique + representative) / ((turns + 2) * n);
  const { fround } = Math;
  const sum = fround(fround(informative / n) * turns) + fround(unique / n);
  return fround(fround(fround(sum) + fround(representative / n)) / (turns + 2));
}
