import fc from 'fast-check';
import { expect, it } from 'vitest';
import { singularValues } from './singular-values.ts';

it('finds known singular values', () => {
  expect([
    ...singularValues([
      [3, 0],
      [0, -4],
    ]),
  ]).toEqual([4, 3]);
  expect(
    [
      ...singularValues([
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    ].map((value) => Math.round(value * 1e6) / 1e6),
  ).toEqual([2.44949, 0]);
  expect([...singularValues([])]).toEqual([]);
});

it('keeps the Frobenius norm, and grows by sqrt(2) when every row is doubled', () => {
  const rows = fc.array(fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 4, maxLength: 4 }), {
    minLength: 1,
    maxLength: 7,
  });
  fc.assert(
    fc.property(rows, (matrix) => {
      const values = singularValues(matrix);
      const frobenius = matrix.flat().reduce((sum, value) => sum + value * value, 0);
      expect(values.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(frobenius, 6);
      const doubled = singularValues([...matrix, ...matrix]);
      expect(doubled[0]).toBeCloseTo(Math.SQRT2 * values[0]!, 6);
      expect(singularValues([...matrix].reverse())[0]).toBeCloseTo(values[0]!, 6);
    }),
  );
});
