import type { Matrix } from '../numeric/matrix.ts';

const { fround } = Math;
const SWEEPS = 30;

/**
 * The exact damped inverse of DataInf as its code computes it: gradients, their products and the eigen decomposition all in single precision. Its
 * numbers then hold the rounding of a decomposition, a few 1e-6 of the largest score.
 */
export function exactInSinglePrecision(
  layers: readonly { train: Matrix; target: Matrix }[],
  damping: number,
): Float32Array {
  const scores = new Float32Array(layers[0]?.train.rows ?? 0);
  for (const { train, target } of layers) {
    const { rows, width, data } = train;
    const v = new Float32Array(width);
    for (let i = 0; i < target.data.length; i++) v[i % width]! += fround(target.data[i]! / target.rows);
    const outer = Array.from({ length: width }, () => new Float32Array(width));
    let squares = 0;
    for (let row = 0; row < rows; row++) {
      const g = data.subarray(row * width, (row + 1) * width);
      squares = fround(squares + fround(g.reduce((sum, x) => fround(sum + fround(x * x)), 0) / width));
      for (let s = 0; s < width; s++) for (let t = 0; t < width; t++) outer[s]![t]! += fround(g[s]! * g[t]!);
    }
    const lambda = fround(fround(squares / rows) / damping);
    const { values, vectors } = jacobi(outer);
    const direction = new Float32Array(width);
    values.forEach((value, j) => {
      const along = v.reduce((sum, x, t) => fround(sum + fround(x * vectors[t]![j]!)), 0);
      const scaled = fround(along / fround(lambda + fround(value / rows)));
      for (let t = 0; t < width; t++) direction[t]! += fround(scaled * vectors[t]![j]!);
    });
    for (let row = 0; row < rows; row++) {
      const g = data.subarray(row * width, (row + 1) * width);
      scores[row]! -= g.reduce((sum, x, t) => fround(sum + fround(x * direction[t]!)), 0);
    }
  }
  return scores;
}

/** Cyclic Jacobi rotations; `vectors` are the columns. The matrix is overwritten. */
function jacobi(matrix: Float32Array[]): { values: Float32Array; vectors: Float32Array[] } {
  const n = matrix.length;
  const vectors = matrix.map((_, i) => Float32Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const between = matrix[p]![q]!;
        if (between === 0) continue;
        const theta = fround(fround(matrix[q]![q]! - matrix[p]![p]!) / fround(2 * between));
        const root = fround(Math.sqrt(fround(fround(theta * theta) + 1)));
        const tangent = fround((theta < 0 ? -1 : 1) / fround(Math.abs(theta) + root));
        const c = fround(1 / fround(Math.sqrt(fround(fround(tangent * tangent) + 1))));
        const s = fround(tangent * c);
        for (const row of [...matrix, ...vectors]) turn(row, p, q, c, s);
        const [a, b] = [matrix[p]!, matrix[q]!];
        for (let t = 0; t < n; t++) {
          const [x, y] = [a[t]!, b[t]!];
          a[t] = fround(c * x) - fround(s * y);
          b[t] = fround(s * x) + fround(c * y);
        }
      }
    }
  }
  return { values: Float32Array.from(matrix, (row, i) => row[i]!), vectors };
}

function turn(row: Float32Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p]!, row[q]!];
  row[p] = fround(c * x) - fround(s * y);
  row[q] = fround(s * x) + fround(c * y);
}
