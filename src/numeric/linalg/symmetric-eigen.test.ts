import { describe, expect, it } from 'vitest';
import { createRandom } from '../philox.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

/** A random symmetric matrix of a given rank. */
function randomSymmetric(n: number, rank: number, seed: number): Float64Array {
  const random = createRandom(seed, 'test/eigen');
  const factor = Float64Array.from({ length: rank * n }, () => random.normal());
  const matrix = new Float64Array(n * n);
  for (let t = 0; t < rank; t++)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        matrix[i * n + j]! += (t % 2 === 0 ? 1 : -0.5) * factor[t * n + i]! * factor[t * n + j]!;
  return matrix;
}

describe('symmetricEigen', () => {
  it.each([
    [1, 1],
    [2, 2],
    [5, 5],
    [40, 40],
    [30, 4],
  ])('gives back a matrix of width %i and rank %i', (n, rank) => {
    const matrix = randomSymmetric(n, rank, n);
    const { values, vectors } = symmetricEigen(matrix.slice(), n);
    for (let i = 1; i < n; i++) expect(values[i]!).toBeLessThanOrEqual(values[i - 1]!);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let made = 0;
        let product = 0;
        for (let t = 0; t < n; t++) {
          made += values[t]! * vectors![t * n + i]! * vectors![t * n + j]!;
          product += vectors![i * n + t]! * vectors![j * n + t]!;
        }
        expect(made).toBeCloseTo(matrix[i * n + j]!, 9);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 10);
      }
    }
  });

  it('knows diagonal, empty and zero matrices', () => {
    expect([...symmetricEigen(Float64Array.from([1, 0, 0, 5]), 2).values]).toEqual([5, 1]);
    expect([...symmetricEigen(new Float64Array(0), 0).values]).toEqual([]);
    expect([...symmetricEigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
  });

  it('gives values alone when asked', () => {
    const matrix = randomSymmetric(12, 12, 3);
    const whole = symmetricEigen(matrix.slice(), 12);
    const { values, vectors } = symmetricEigen(matrix, 12, { isVectors: false });
    expect(vectors).toBeUndefined();
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(whole.values[i]!, 10);
    });
  });
});
