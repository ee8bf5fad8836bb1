/** Rows of equal width in one array: row i is `data[i * width .. (i + 1) * width]`. */
export interface Matrix {
  data: Float32Array;
  rows: number;
  width: number;
}

/** Copies the listed rows, in their order. */
export function gatherRows(matrix: Matrix, rows: ArrayLike<number>): Matrix {
  const { data, width } = matrix;
  const gathered = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * width;
    gathered.set(data.subarray(from, from + width), i * width);
  }
  return { data: gathered, rows: rows.length, width };
}

/** Rows `start` .. `start + count` of a matrix, without a copy. */
export function rowRange(matrix: Matrix, start: number, count: number): Matrix {
  const { data, width } = matrix;
  return { data: data.subarray(start * width, (start + count) * width), rows: count, width };
}

/** Squared Euclidean distance between row `i` of `a` and row `j` of `b`, in double precision. */
export function squaredDistance(a: Matrix, i: number, b: Matrix, j: number): number {
  const { width } = a;
  const fromA = i * width;
  const fromB = j * width;
  let sum = 0;
  for (let t = 0; t < width; t++) {
    const difference = a.data[fromA + t]! - b.data[fromB + t]!;
    sum += difference * difference;
  }
  return sum;
}

/**
 * The mean row, and each row's squared distance to it (a row with NaN or infinity has a distance that isn't finite).
 */
export function centre(matrix: Matrix): { mean: Float64Array; squares: Float64Array } {
  const { data, rows, width } = matrix;
  const mean = new Float64Array(width);
  for (let i = 0, at = 0; i < rows; i++, at += width) {
    for (let t = 0; t < width; t++) mean[t]! += data[at + t]!;
  }
  for (let t = 0; t < width; t++) mean[t]! /= rows;
  const squares = new Float64Array(rows);
  for (let i = 0, at = 0; i < rows; i++, at += width) {
    let sum = 0;
    for (let t = 0; t < width; t++) {
      const difference = data[at + t]! - mean[t]!;
      sum += difference * difference;
    }
    squares[i] = sum;
  }
  return { mean, squares };
}

/** A matrix with 0 for NaN: the same one where there is none. */
export function nanToZero(matrix: Matrix): Matrix {
  // A sum tells, without a call for every number.
  const { data } = matrix;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  if (!Number.isNaN(sum)) return matrix;
  return { ...matrix, data: data.map((value) => (Number.isNaN(value) ? 0 : value)) };
}

/** Squared length of a row, in double precision. */
export function squaredLength({ data, width }: Matrix, row: number): number {
  let square = 0;
  for (let t = row * width; t < (row + 1) * width; t++) square += data[t]! * data[t]!;
  return square;
}

/** Length of a row, 0 where it has none; NaN where a value isn't finite. */
export function rowLength(matrix: Matrix, row: number): number {
  const length = Math.sqrt(squaredLength(matrix, row));
  return Number.isFinite(length) ? length : Number.NaN;
}

/** A copy with every row scaled to length 1; rows of length 0 or with values that aren't finite become 0. */
export function unitRows(matrix: Matrix): Matrix {
  const { rows, width } = matrix;
  const data = matrix.data.slice();
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    const length = rowLength(matrix, row);
    if (length > 0) for (let t = at; t < at + width; t++) data[t]! /= length;
    else data.fill(0, at, at + width);
  }
  return { data, rows, width };
}

/** How many rows differ from each other; stops counting at `most`. */
export function countDistinct({ data, rows, width }: Matrix, most: number): number {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const seen = new Set<number>();
  for (let row = 0; row < rows && seen.size < most; row++) {
    let low = 0x811c9dc5;
    let high = 0x9747b28c;
    for (let t = row * width; t < (row + 1) * width; t++) {
      low = Math.imul(low ^ bits[t]!, 0x01000193);
      high = Math.imul(high ^ (bits[t]! >>> 13) ^ bits[t]!, 0x5bd1e995);
    }
    seen.add((low >>> 0) * 2 ** 21 + ((high >>> 0) & 0x1fffff));
  }
  return seen.size;
}
