/** Eigenvalues of a symmetric matrix, largest first, and the eigenvector of each, of length 1. */
export interface SymmetricEigen {
  values: Float64Array;
  /** n x n, row-major: row i belongs to `values[i]`. Absent where only values were asked for. */
  vectors?: Float64Array;
}

/** Steps of QL an eigenvalue takes; two or three are usual. */
const MOST_STEPS = 60;
/**
 * Squares below this are as good as 0 beside entries of 1; what is computed from them would leave the range of doubles.
 */
const NOTHING = 1e-280;

/**
 * Eigen decomposition by Householder's reduction to a tridiagonal matrix and implicit QL steps (Golub and Van Loan,
 * sections 8.3.1 and 8.3.3). About 7 n^3 operations with vectors.
 *
 * @param matrix n x n, row-major; overwritten
 */
export function symmetricEigen(matrix: Float64Array, n: number, { isVectors = true } = {}): SymmetricEigen {
  // Scaled to 1, so that no square leaves the range of doubles.
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest > 0) for (let i = 0; i < matrix.length; i++) matrix[i]! /= largest;
  const { diagonal, beside, scales } = tridiagonalise(matrix, n);
  const basis = isVectors ? reflectorProduct(matrix, scales, n) : undefined;
  diagonalise(diagonal, beside, basis);
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  const values = Float64Array.from(order, (i) => diagonal[i]! * largest);
  if (basis === undefined) return { values };
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    vectors.set(basis.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values, vectors };
}

/** A = Q T Q^T. Reflector k, I - scale v v^T, is left in row k of the matrix, right of the diagonal. */
function tridiagonalise(
  a: Float64Array,
  n: number,
): { diagonal: Float64Array; beside: Float64Array; scales: Float64Array } {
  const beside = new Float64Array(n);
  const scales = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k + 1 < n; k++) {
    const v = a.subarray(k * n, (k + 1) * n);
    let beyond = 0;
    for (let j = k + 2; j < n; j++) beyond += v[j]! * v[j]!;
    const first = v[k + 1]!;
    const isDone = beyond <= NOTHING;
    const length = (first > 0 ? -1 : 1) * Math.sqrt(beyond + first * first);
    beside[k] = isDone ? first : length;
    if (isDone) continue;
    v[k + 1] = first - length;
    const scale = 2 / (beyond + v[k + 1]! ** 2);
    scales[k] = scale;
    // The block right and below becomes B - v w^T - w v^T with p = scale B v, w = p - (scale p.v / 2) v.
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1, at = i * n + j; j < n; j++, at++) sum += a[at]! * v[j]!;
      w[i] = scale * sum;
      along += w[i]! * v[i]!;
    }
    for (let i = k + 1; i < n; i++) w[i]! -= (scale * along * v[i]!) / 2;
    for (let i = k + 1; i < n; i++) {
      const vi = v[i]!;
      const wi = w[i]!;
      for (let j = k + 1, at = i * n + j; j < n; j++, at++) a[at]! -= vi * w[j]! + wi * v[j]!;
    }
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside, scales };
}

/**
 * Q^T, the reflectors multiplied from the last to the first; rows and columns before a reflector's own are untouched by
 * it.
 */
function reflectorProduct(a: Float64Array, scales: Float64Array, n: number): Float64Array {
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i++) product[i * n + i] = 1;
  for (let k = n - 2; k >= 0; k--) {
    if (scales[k] === 0) continue;
    for (let i = k + 1; i < n; i++) {
      let along = 0;
      for (let j = k + 1; j < n; j++) along += product[i * n + j]! * a[k * n + j]!;
      along *= scales[k]!;
      for (let j = k + 1; j < n; j++) product[i * n + j]! -= along * a[k * n + j]!;
    }
  }
  return product;
}

/** Makes the tridiagonal matrix diagonal by rotations, which are applied to the rows of the basis as well. */
function diagonalise(diagonal: Float64Array, beside: Float64Array, basis?: Float64Array): void {
  const n = diagonal.length;
  for (let l = 0; l < n; l++) {
    for (let step = 0; step < MOST_STEPS; step++) {
      let m = l;
      while (m + 1 < n && !isNegligible(beside[m]!, diagonal[m]!, diagonal[m + 1]!)) m++;
      if (m === l) break;
      stepQl(diagonal, beside, l, m, basis);
    }
  }
}

const isNegligible = (between: number, a: number, b: number): boolean => {
  const size = Math.abs(a) + Math.abs(b);
  return between * between <= NOTHING || size + Math.abs(between) === size;
};

/** One implicit QL step with Wilkinson's shift on the unreduced block l .. m. */
function stepQl(d: Float64Array, e: Float64Array, l: number, m: number, basis?: Float64Array): void {
  const slope = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const shift = e[l]! / (slope + (slope < 0 ? -1 : 1) * Math.hypot(slope, 1));
  let g = d[m]! - d[l]! + shift;
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r <= NOTHING) {
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    if (basis !== undefined) rotateRows(basis, d.length, i, c, s);
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}

function rotateRows(basis: Float64Array, n: number, i: number, c: number, s: number): void {
  for (let at = i * n, next = (i + 1) * n, end = next; at < end; at++, next++) {
    const x = basis[at]!;
    const y = basis[next]!;
    basis[next] = s * x + c * y;
    basis[at] = c * x - s * y;
  }
}
