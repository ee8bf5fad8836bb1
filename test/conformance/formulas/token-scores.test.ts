import { expect, it } from 'vitest';
import { tokenScores } from './token-scores.ts';

it('scores a uniform, a right and a wrong prediction', () => {
  const uniform = tokenScores([[0, 0, 0, 0]], [2]);
  expect(uniform.el2n).toBeCloseTo(Math.sqrt(0.75), 12);
  expect(uniform.aum).toBeCloseTo(0, 12);
  expect(uniform.nll).toBeCloseTo(Math.log(4), 12);
  expect(tokenScores([[0, 900]], [1])).toEqual({ el2n: 0, aum: 1, nll: 0 });
  expect(tokenScores([[0, 900]], [0])).toEqual({ el2n: Math.SQRT2, aum: -1, nll: 900 });
});

it('is a mean over tokens, and nothing without tokens', () => {
  expect(
    tokenScores(
      [
        [0, 900],
        [0, 900],
      ],
      [1, 0],
    ).aum,
  ).toBe(0);
  expect(tokenScores([], []).nll).toBeNaN();
});
