import type { WideColumn } from '../../../numeric/columns.ts';
import type { Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowRange } from '../../../numeric/linalg/matrix.ts';
import { symmetricEigen } from '../../../numeric/linalg/symmetric-eigen.ts';
import type { SelectContext } from '../../selector.ts';

export interface LeverageOptions {
  /** Directions count until they hold this share of the energy. */
  energy: number;
  /** Divide each feature by its standard deviation. */
  isStandardised: boolean;
}

/** Rows of a block that is standardised at once. */
const BLOCK_ROWS = 1024;

/** Mean of each feature, and what it is multiplied by, over the rows that count. */
interface Scale {
  mean: Float64Array;
  factor: Float64Array;
  rows: number;
}

type Watch = Pick<SelectContext, 'signal' | 'progress'>;

/**
 * Leverage of each row on the main directions of the pool: features are centred, divided by their standard deviation
 * and rows scaled to length 1, giving Z; of its singular values the fewest that hold `energy` of the sum of squares
 * count, k in number; the score is
 * |U_k row|^2 = sum_j <z, v_j>^2 / s_j^2. Scores sum to k. Three passes over the column; memory is the square of its width (or of the number of
 * rows, where that is less) and a block.
 *
 * @param isIn rows that count; others score NaN
 */
export async function leverageScores(
  column: WideColumn,
  isIn: (row: number) => boolean,
  { energy, isStandardised }: LeverageOptions,
  products: Products,
  watch: Watch = {},
): Promise<{ scores: Float64Array; k: number }> {
  const scale = await scaleOf(column, isIn, isStandardised, watch);
  const scores = new Float64Array(column.rows).fill(Number.NaN);
  if (scale.rows === 0) return { scores, k: 0 };
  if (scale.rows <= column.width) return leverageOfFew(column, isIn, scale, energy, products, watch);
  const { values, directions } = await mainDirections(column, isIn, scale, energy, products, watch);
  const k = directions.rows;
  for await (const { rows, block } of standardised(column, isIn, scale, watch, 'leverage')) {
    const along = await products.dots(block, directions);
    rows.forEach((row, i) => {
      scores[row] = 0;
      for (let j = 0; j < k; j++) scores[row]! += along[i * k + j]! ** 2 / values[j]!;
    });
  }
  return { scores, k };
}

/** With no more rows than features the U_k are eigenvectors of Z Z^T themselves, and all of Z fits. */
async function leverageOfFew(
  column: WideColumn,
  isIn: (row: number) => boolean,
  scale: Scale,
  energy: number,
  products: Products,
  watch: Watch,
): Promise<{ scores: Float64Array; k: number }> {
  const { width } = column;
  const all: Matrix = { data: new Float32Array(scale.rows * width), rows: scale.rows, width };
  const numbers: number[] = [];
  for await (const { rows, block } of standardised(column, isIn, scale, watch, 'leverage')) {
    all.data.set(block.data, numbers.length * width);
    numbers.push(...rows);
  }
  const { values, vectors } = symmetricEigen(Float64Array.from(await products.dots(all, all)), all.rows);
  const k = countOf(values, energy);
  const scores = new Float64Array(column.rows).fill(Number.NaN);
  numbers.forEach((row, i) => {
    scores[row] = 0;
    for (let j = 0; j < k; j++) scores[row]! += vectors![j * all.rows + i]! ** 2;
  });
  return { scores, k };
}

/** Mean and population standard deviation of every feature, by blocks whose moments are merged (Chan et al. 1983). */
async function scaleOf(
  column: WideColumn,
  isIn: (row: number) => boolean,
  isStandardised: boolean,
  watch: Watch,
): Promise<Scale> {
  const { width } = column;
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  let rows = 0;
  for await (const { start, matrix } of column.blocks()) {
    watch.signal?.throwIfAborted();
    for (let i = 0; i < matrix.rows; i++) {
      if (!isIn(start + i)) continue;
      rows++;
      for (let t = 0, at = i * width; t < width; t++, at++) {
        const apart = matrix.data[at]! - mean[t]!;
        mean[t]! += apart / rows;
        spread[t]! += apart * (matrix.data[at]! - mean[t]!);
      }
    }
    watch.progress?.(start + matrix.rows, column.rows, 'means');
  }
  const factor = spread.map((square) => (isStandardised && square > 0 ? 1 / Math.sqrt(square / rows) : 1));
  return { mean, factor, rows };
}

/**
 * Rows of Z with their numbers, so many at a time however the column is read: sums in single precision depend on where
 * a block ends.
 */
async function* standardised(
  column: WideColumn,
  isIn: (row: number) => boolean,
  { mean, factor }: Scale,
  { signal, progress }: Watch,
  what: string,
): AsyncGenerator<{ rows: number[]; block: Matrix }> {
  const { width } = column;
  let data = new Float32Array(BLOCK_ROWS * width);
  let rows: number[] = [];
  const z = new Float64Array(width);
  for await (const { start, matrix } of column.blocks()) {
    signal?.throwIfAborted();
    for (let i = 0; i < matrix.rows; i++) {
      if (!isIn(start + i)) continue;
      let square = 0;
      for (let t = 0; t < width; t++) {
        z[t] = (matrix.data[i * width + t]! - mean[t]!) * factor[t]!;
        square += z[t]! * z[t]!;
      }
      const length = Math.sqrt(square);
      if (length > 0) for (let t = 0; t < width; t++) data[rows.length * width + t] = z[t]! / length;
      rows.push(start + i);
      if (rows.length < BLOCK_ROWS) continue;
      yield { rows, block: { data, rows: rows.length, width } };
      data = new Float32Array(BLOCK_ROWS * width);
      rows = [];
    }
    progress?.(start + matrix.rows, column.rows, what);
  }
  if (rows.length > 0) yield { rows, block: rowRange({ data, rows: BLOCK_ROWS, width }, 0, rows.length) };
}

/** The directions v_j that count, and the squares s_j^2 of their singular values. */
async function mainDirections(
  column: WideColumn,
  isIn: (row: number) => boolean,
  scale: Scale,
  energy: number,
  products: Products,
  watch: Watch,
): Promise<{ values: Float64Array; directions: Matrix }> {
  const { width } = column;
  const gram = new Float64Array(width * width);
  for await (const { block } of standardised(column, isIn, scale, watch, 'products of features')) {
    const part = await products.dots(transpose(block), transpose(block));
    for (let at = 0; at < gram.length; at++) gram[at]! += part[at]!;
  }
  const { values, vectors } = symmetricEigen(gram, width);
  const k = countOf(values, energy);
  return {
    values: values.subarray(0, k),
    directions: { data: Float32Array.from(vectors!.subarray(0, k * width)), rows: k, width },
  };
}

/**
 * How many of the values, largest first, hold the share `energy` of their sum; never one that is 0 beside the largest.
 */
function countOf(values: Float64Array, energy: number): number {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let held = 0;
  for (let k = 0; k < values.length; k++) {
    if (!(values[k]! > 1e-9 * values[0]!)) return k;
    held += values[k]!;
    if (held / total >= energy) return k + 1;
  }
  return values.length;
}

function transpose({ data, rows, width }: Matrix): Matrix {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let t = 0; t < width; t++) turned[t * rows + i] = data[i * width + t]!;
  return { data: turned, rows: width, width: rows };
}
