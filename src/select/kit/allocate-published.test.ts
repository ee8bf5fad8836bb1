import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundHalfEven } from '../../numeric/round.ts';
import {
  largestGroupEvens,
  roundOverBins,
  sequentialSoftmax,
  sizeTimesSquare,
  softmax,
  taskSoftmax,
  valueProportional,
} from './allocate-published.ts';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const groups = fc.array(fc.record({ size: fc.nat({ max: 60 }), score: fc.double({ min: -3, max: 3, noNaN: true }) }), {
  minLength: 1,
  maxLength: 9,
});
const budgets = fc.nat({ max: 400 });

describe('softmax', () => {
  it('sums to 1, does not overflow, gives nothing to what is not finite', () => {
    expect(softmax([1, 2, 3])[2]).toBeCloseTo(0.66524, 5);
    expect(softmax([1.7e-5, 1.2e-5], 1e-5)[0]).toBeCloseTo(0.62246, 5);
    expect([...softmax([9e9, Number.NaN, 9e9])]).toEqual([0.5, 0, 0.5]);
    expect([...softmax([Number.NaN])]).toEqual([0]);
    fc.assert(
      fc.property(groups, (all) => {
        const scores = all.map(({ score }) => score);
        expect(sum(softmax(scores, 0.01))).toBeCloseTo(1);
      }),
    );
  });

  it('rounds halves to even', () => {
    expect([0.5, 1.5, 2.5, 2.4999, -0.5, 7].map((value) => roundHalfEven(value) + 0)).toEqual([0, 2, 2, 2, 0, 7]);
  });
});

describe('largestGroupEvens (C)', () => {
  it('gives the whole difference to the largest group', () => {
    expect([...largestGroupEvens([33, 15, 9, 3], 12)]).toEqual([7, 3, 1, 1]);
    expect([...largestGroupEvens([0, 5, 5], 5)]).toEqual([0, 3, 2]);
    expect([...largestGroupEvens([1, 1, 1], 1)]).toEqual([0, 1, 1]);
    expect([...largestGroupEvens([], 5)]).toEqual([]);
    expect([...largestGroupEvens([1, 1, 1, 1, 1, 11, 1, 11], 8)]).toEqual([1, 1, 1, 1, 1, 0, 1, 3]);
  });

  it('sums to the budget, unless the largest group gives none: then above', () => {
    fc.assert(
      fc.property(groups, budgets, (all, budget) => {
        const sizes = all.map(({ size }) => size);
        const total = sum(sizes);
        const used = Math.min(budget, total);
        const quota = largestGroupEvens(sizes, used);
        quota.forEach((n, g) => {
          expect(n).toBeGreaterThanOrEqual(0);
          if (sizes[g] === 0) expect(n).toBe(0);
        });
        const largest = sizes.indexOf(Math.max(...sizes));
        if (quota[largest]! > 0) expect(sum(quota)).toBe(used);
        else expect(sum(quota)).toBeGreaterThanOrEqual(used);
      }),
    );
  });
});

describe('sequentialSoftmax (D)', () => {
  it('shares as in the worked case', () => {
    const { share, order, taken } = sequentialSoftmax([0.1, 0.2, 0.3], 0.1, [2, 9, 9], 10);
    expect(share[2]).toBeCloseTo(0.6652, 4);
    expect([...order]).toEqual([2, 1, 0]);
    expect([...taken]).toEqual([1, 2, 7]);
  });

  it('visits the later of equal groups first, as an ascending order turned round does', () => {
    const { order, taken } = sequentialSoftmax([0.3, 0.5, 0.3, 0.3], 1, [9, 0, 9, 9], 7);
    expect([...order]).toEqual([1, 3, 2, 0]);
    expect([...taken]).toEqual([3, 0, 2, 2]);
  });

  it('loses what late groups cannot give', () => {
    expect([...sequentialSoftmax([3, 0, 0], 1, [50, 1, 1], 10).taken]).toEqual([9, 1, 0]);
    expect(sum(sequentialSoftmax([3, 2.5, 0], 1, [50, 2, 1], 20).taken)).toBeLessThan(20);
  });

  it('is never above the budget or a size, exact when the last group has room, whatever the scores', () => {
    fc.assert(
      fc.property(groups, budgets, fc.constantFrom(0.001, 0.1, 10), (all, budget, temperature) => {
        const scores = all.map(({ score }) => score);
        const sizes = all.map(({ size }) => size);
        const { order, taken } = sequentialSoftmax(scores, temperature, sizes, budget);
        expect([...order].sort((a, b) => a - b)).toEqual([...sizes.keys()]);
        expect(sum(taken)).toBeLessThanOrEqual(budget);
        expect(taken.every((n, g) => n <= sizes[g]!)).toBe(true);
        const roomy = sequentialSoftmax(
          scores,
          temperature,
          scores.map(() => 1e6),
          budget,
        );
        expect(sum(roomy.taken)).toBe(budget);
      }),
    );
  });

  it('keeps tiny shares apart and gives nothing to a score that is not finite', () => {
    expect([...sequentialSoftmax([100, 1, 0], 0.1, [5, 10, 10], 10).taken]).toEqual([5, 5, 0]);
    expect([...sequentialSoftmax([1, Number.NaN], 1, [9, 9], 4).taken]).toEqual([4, 0]);
    expect([...sequentialSoftmax([], 1, [], 4).taken]).toEqual([]);
  });
});

describe('taskSoftmax (E)', () => {
  it('gives the remainder to the easiest task', () => {
    const temperature = 1 / Math.sqrt(5);
    expect([...taskSoftmax([0.8, 0.92, 0.61, 0.99, 0.75], 1000, { temperature })]).toEqual([197, 150, 304, 129, 220]);
  });

  it('caps at sizes and goes round with the rest', () => {
    const difficulties = [0.5, 0.7, 0.9, 0.6];
    expect([...taskSoftmax(difficulties, 100, { temperature: 0.5, sizes: [10, 500, 500, 30] })]).toEqual([
      10, 34, 26, 30,
    ]);
  });

  it('is exact in both forms', () => {
    fc.assert(
      fc.property(groups, budgets, (all, budget) => {
        const difficulties = all.map(({ score }) => score);
        const sizes = all.map(({ size }) => size);
        expect(sum(taskSoftmax(difficulties, budget, { temperature: 0.4 }))).toBe(budget);
        const capped = taskSoftmax(difficulties, budget, { temperature: 0.4, sizes });
        expect(sum(capped)).toBe(Math.min(budget, sum(sizes)));
        expect(capped.every((n, g) => n <= sizes[g]!)).toBe(true);
      }),
    );
  });
});

describe('valueProportional (F) and sizeTimesSquare (H)', () => {
  it('shares by value', () => {
    expect([...valueProportional([1, 3], 8)]).toEqual([2, 6]);
    expect([...valueProportional([0, 0], 8)]).toEqual([0, 0]);
    expect([...sizeTimesSquare([10, 20], [0.5, 0.25], 10)]).toEqual([6, 3]);
  });

  it('is at most the budget, short by less than one a group', () => {
    fc.assert(
      fc.property(groups, budgets, (all, budget) => {
        const sizes = all.map(({ size }) => size + 1);
        const quota = sizeTimesSquare(
          sizes,
          all.map(({ score }) => Math.abs(score) + 0.1),
          budget,
        );
        expect(sum(quota)).toBeLessThanOrEqual(budget);
        expect(sum(quota)).toBeGreaterThan(budget - all.length);
      }),
    );
  });
});

describe('roundOverBins (G)', () => {
  it('carries on what a bin cannot give, and chooses no row twice', () => {
    expect(roundOverBins([[5, 6, 7, 8], [1], [1, 5, 9]], 6, new Set())).toEqual([1, 5, 9, 6, 7, 8]);
    expect(
      roundOverBins(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        2,
        new Set(),
      ),
    ).toEqual([1, 3]);
  });

  it('gives distinct new rows, at most the budget', () => {
    const bins = fc.array(fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 12 }), { maxLength: 6 });
    fc.assert(
      fc.property(bins, fc.nat({ max: 30 }), fc.uniqueArray(fc.nat({ max: 30 })), (all, budget, before) => {
        const chosen = new Set(before);
        const given = roundOverBins(all, budget, chosen);
        expect(given.length).toBeLessThanOrEqual(budget);
        expect(new Set([...before, ...given]).size).toBe(before.length + given.length);
        expect(chosen.size).toBe(before.length + given.length);
      }),
    );
  });
});
