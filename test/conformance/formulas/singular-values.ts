import { symmetricEigen } from '../../../src/numeric/linalg/symmetric-eigen.ts';

/**
 * Singular values of a small matrix, largest first: exact, through the eigenvalues of its smaller Gram matrix. Values
 * below about 1e-8 of the largest are lost in its rounding.
 *
 * @param rows of equal length
 */
export function singularValues(rows: readonly ArrayLike<number>[]): Float64Array {
  const columns = rows[0]?.length ?? 0;
  const isWide = rows.length <= columns;
  const size = Math.min(rows.length, columns);
  const at = (i: number, t: number): number => (isWide ? rows[i]![t]! : rows[t]![i]!);
  const length = isWide ? columns : rows.length;
  const gram = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let t = 0; t < length; t++) dot += at(i, t) * at(j, t);
      gram[i * size + j] = dot;
      gram[j * size + i] = dot;
    }
  }
  return symmetricEigen(gram, size, { isVectors: false }).values.map((value) => Math.sqrt(Math.max(0, value)));
}
