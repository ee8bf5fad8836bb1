/** Sweeps of Jacobi's method: it converges quadratically, ten are plenty for double precision. */
const MOST_SWEEPS = 60;

/**
 * Singular values of a small matrix, largest first: exact, through the eigenvalues of its smaller Gram matrix. Values below about 1e-8 of the
 * largest are lost in its rounding.
 *
 * @param rows of equal length
 */
export function singularValues(rows: readonly ArrayLike<number>[]): Float64Array {
  const columns = rows[0]?.length ?? 0;
  const isWide = rows.length <= columns;
  const size = Math.min(rows.length, columns);
  const at = (i: number, t: number): number => (isWide ? rows[i]![t]! : rows[t]![i]!);
  const length = isWide ? columns : rows.length;
  const gram = Array.from({ length: size }, () => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let t = 0; t < length; t++) dot += at(i, t) * at(j, t);
      gram[i]![j] = dot;
      gram[j]![i] = dot;
    }
  }
  return symmetricEigenvalues(gram).map((value) => Math.sqrt(Math.max(0, value)));
}

/** Eigenvalues of a symmetric matrix, largest first, by cyclic Jacobi rotations (Golub and Van Loan, section 8.5). The matrix is overwritten. */
function symmetricEigenvalues(matrix: Float64Array[]): Float64Array {
  const n = matrix.length;
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        all += matrix[i]![j]! ** 2;
        if (i !== j) off += matrix[i]![j]! ** 2;
      }
    }
    if (!(off > 1e-30 * all)) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(matrix, p, q);
  }
  return Float64Array.from(matrix.keys(), (i) => matrix[i]![i]!).sort((a, b) => b - a);
}

/** One rotation that makes the entry (p, q) zero. */
function rotate(matrix: Float64Array[], p: number, q: number): void {
  const apq = matrix[p]![q]!;
  if (apq === 0) return;
  const theta = (matrix[q]![q]! - matrix[p]![p]!) / (2 * apq);
  const tangent = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(tangent * tangent + 1);
  const s = tangent * c;
  for (const row of matrix) {
    const x = row[p]!;
    const y = row[q]!;
    row[p] = c * x - s * y;
    row[q] = s * x + c * y;
  }
  const rowP = matrix[p]!;
  const rowQ = matrix[q]!;
  for (let t = 0; t < rowP.length; t++) {
    const x = rowP[t]!;
    const y = rowQ[t]!;
    rowP[t] = c * x - s * y;
    rowQ[t] = s * x + c * y;
  }
}
