import { WinnowError } from '../../../base/errors.ts';
import type { Matrix } from '../../../numeric/linalg/matrix.ts';

/**
 * One number a checkpoint: the sum of its `top` largest values.
 *
 * @param column rows x (values T), checkpoint-major
 * @param values numbers that the column has for each checkpoint
 * @returns rows x T; NaN where a value is missing
 */
export function sumTop(column: Matrix, values: number, top: number): Matrix {
  const checkpoints = column.width / values;
  if (!Number.isInteger(checkpoints) || column.width === 0) {
    throw new WinnowError({
      code: 'COLUMN_KIND',
      message: `A trajectory of ${values} values a checkpoint can't have ${column.width} numbers a row.`,
      hint: 'Say with --values how many numbers the column has for each checkpoint.',
      exitCode: 2,
    });
  }
  if (values === 1) return column;
  const data = new Float32Array(column.rows * checkpoints);
  const held = new Float32Array(values);
  for (let i = 0; i < data.length; i++) {
    held.set(column.data.subarray(i * values, (i + 1) * values));
    // Ascending, NaN last: a missing value is among the largest, and so is the sum missing.
    held.sort();
    let sum = 0;
    for (let t = values - 1; t >= Math.max(0, values - top); t--) sum += held[t]!;
    data[i] = sum;
  }
  return { data, rows: column.rows, width: checkpoints };
}

/** What is said of trajectories that can't show training. */
export function oneCheckpoint(column: string, checkpoints: number): string[] {
  return checkpoints > 1
    ? []
    : [`\`${column}\` was measured at one checkpoint: nothing of how training goes can be seen in it.`];
}

/** sum_t |a(t+1) - a(t)| of each row, in single precision as published. */
export function instability({ data, rows, width }: Matrix): Float32Array {
  const sums = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    const end = (row + 1) * width;
    for (let t = row * width + 1; t < end; t++) sum = Math.fround(sum + Math.abs(Math.fround(data[t]! - data[t - 1]!)));
    // A single checkpoint has no difference to be missing in.
    sums[row] = Number.isFinite(data[end - 1]!) ? sum : Number.NaN;
  }
  return sums;
}

/** Each row less its mean, over its standard deviation: the shape without the level. A constant row becomes 0. */
export function standardised({ data, rows, width }: Matrix): Matrix {
  const scaled = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * width, (row + 1) * width);
    const mean = values.reduce((sum, value) => sum + value, 0) / width;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width);
    for (let t = 0; t < width; t++) scaled[row * width + t] = spread === 0 ? 0 : (values[t]! - mean) / spread;
  }
  return { data: scaled, rows, width };
}
