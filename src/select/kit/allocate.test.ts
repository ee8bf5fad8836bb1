import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedRatio, largestRemainder, roundRobin, waterFill } from './allocate.ts';

const sizes = fc.array(fc.nat({ max: 50 }), { maxLength: 12 });
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

describe('waterFill', () => {
  it('shares as in the worked case', () => {
    expect([...waterFill([3, 5, 10], 12)]).toEqual([3, 4, 5]);
    expect([...waterFill([10, 3, 5], 12)]).toEqual([5, 3, 4]);
  });

  it('is exact, capped, and gives larger groups no less', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 400 }), (groups, budget) => {
        const taken = waterFill(groups, budget);
        expect(sum(taken)).toBe(Math.min(budget, sum(groups)));
        const ascending = groups
          .map((size, g) => ({ size, n: taken[g]! }))
          .sort((a, b) => a.size - b.size || a.n - b.n);
        ascending.forEach(({ size, n }, i) => {
          expect(n).toBeLessThanOrEqual(size);
          if (i > 0) expect(n).toBeGreaterThanOrEqual(ascending[i - 1]!.n);
        });
      }),
    );
  });
});

describe('roundRobin', () => {
  it('is what giving one each in turn gives', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 400 }), (groups, budget) => {
        const taken = groups.map(() => 0);
        for (let left = budget, before = -1; left > 0 && before !== left; ) {
          before = left;
          groups.forEach((size, g) => {
            if (left === 0 || taken[g]! >= size) return;
            taken[g]!++;
            left--;
          });
        }
        expect([...roundRobin(groups, budget)]).toEqual(taken);
      }),
    );
    expect([...roundRobin([5, 5, 5], 4, [0, 5, 1])]).toEqual([2, 5, 3]);
  });
});

describe('fixedRatio', () => {
  it('rounds down, at least 1, nothing from an empty group', () => {
    expect([...fixedRatio([6, 3, 1, 0, 20], 0.15)]).toEqual([1, 1, 1, 0, 3]);
    // 0.29 * 100 is 28.999999999999996.
    expect([...fixedRatio([100, 50], 0.29)]).toEqual([29, 14]);
    expect([...fixedRatio([22], { part: 15, whole: 22 })]).toEqual([15]);
  });
});

describe('largestRemainder', () => {
  it('rounds to the largest fractions, ties to the earlier group', () => {
    expect([...largestRemainder([6, 3, 3], 6).quota]).toEqual([3, 2, 1]);
    expect([...largestRemainder([1, 1, 1], 2).quota]).toEqual([1, 1, 0]);
    expect([...largestRemainder([47, 16, 15.8, 12, 6.1, 3.1], 10, new Array(6).fill(99)).quota]).toEqual([
      5, 2, 1, 1, 1, 0,
    ]);
  });

  it('hands on what a group cannot give', () => {
    const { quota, taken } = largestRemainder([10, 10, 20], 20, [1, 10, 20]);
    expect([...quota]).toEqual([5, 5, 10]);
    expect([...taken]).toEqual([1, 6, 13]);
  });

  it('is exact and within one of the share, whatever the capacities', () => {
    const groups = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 })), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(groups, fc.nat({ max: 500 }), (pairs, budget) => {
        const weights = pairs.map(([weight]) => weight);
        const capacities = pairs.map(([, capacity]) => capacity);
        const { quota, taken } = largestRemainder(weights, budget, capacities);
        const total = sum(weights);
        if (total > 0) {
          expect(sum(quota)).toBe(budget);
          quota.forEach((n, g) => {
            expect(Math.abs(n - (budget * weights[g]!) / total)).toBeLessThan(1);
          });
        }
        expect(sum(taken)).toBe(Math.min(budget, sum(capacities)));
        taken.forEach((n, g) => {
          expect(n).toBeLessThanOrEqual(capacities[g]!);
          expect(n).toBeGreaterThanOrEqual(Math.min(quota[g]!, capacities[g]!));
        });
      }),
    );
  });
});
