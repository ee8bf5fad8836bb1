import fc from 'fast-check';
import { expect, it } from 'vitest';
import { largestRemainder } from './allocate.ts';
import { exactShares, shareOfCount } from './exact-shares.ts';

it('gives equal remainders to the earlier group', () => {
  // 2 rows for groups of 4, 1, 1: shares 4/3, 1/3, 1/3.
  expect([...largestRemainder([4, 1, 1], 2).quota]).toEqual([2, 0, 0]);
  expect([...largestRemainder([1, 1, 4], 2).quota]).toEqual([1, 0, 1]);
});

it('is whole numbers of the very products, whatever floating point makes of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 0, max: 100_000 }),
      (weights, budget) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const { whole, rest } = exactShares(weights, budget);
        weights.forEach((weight, g) => {
          expect(whole[g]).toBe(total === 0 ? 0 : Number((BigInt(budget) * BigInt(weight)) / BigInt(total)));
          expect(rest[g]).toBe(total === 0 ? 0n : (BigInt(budget) * BigInt(weight)) % BigInt(total));
        });
      },
    ),
  );
});

it('takes fractions as they are, and what is no number as nothing', () => {
  expect([...exactShares(new Array(49).fill(0.1), 49).whole]).toEqual(new Array(49).fill(1));
  expect([...exactShares([0.5, 0.25, 0.25, Number.NaN, Number.POSITIVE_INFINITY, -1], 8.5).whole]).toEqual([
    4, 2, 2, 0, 0, 0,
  ]);
  expect([...exactShares([5e-324, 5e-324], 3).whole]).toEqual([1, 1]);
  expect([...exactShares([1e300, 1e-300], 10).whole]).toEqual([9, 0]);
});

it('takes a share of a count as it was written, and one count of another, without a machine number between', () => {
  expect(shareOfCount(0.29, 100)).toBe(29);
  // 0.07 * 100 is 7.000000000000001, which would be rounded up to 8.
  expect(shareOfCount(0.07, 100, 'ceil')).toBe(7);
  expect(shareOfCount(0.07, 101, 'ceil')).toBe(8);
  expect(shareOfCount({ part: 15, whole: 22 }, 22)).toBe(15);
  expect(shareOfCount({ part: 1, whole: 3 }, 6)).toBe(2);
  expect(shareOfCount(2e-7, 10_000_000)).toBe(2);
  expect(shareOfCount({ part: 0, whole: 0 }, 5)).toBe(0);
});
