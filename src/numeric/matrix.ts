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

/** The mean row, and each row's squared distance to it (a row with NaN or infinity has a distance that isn't finite). */
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
