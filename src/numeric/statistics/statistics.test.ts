import { describe, expect, it } from 'vitest';
import { createRandom } from '../philox.ts';
import { auc, histogram, interval95, mean, quantile, standardDeviation } from './statistics.ts';

describe('statistics', () => {
  it('leaves out what is not finite', () => {
    expect(mean([1, Number.NaN, 3, Number.POSITIVE_INFINITY])).toBe(2);
    expect(mean([])).toBeNaN();
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(2.13809, 5);
    expect(standardDeviation([3])).toBe(0);
  });

  it('has numpy’s quantiles', () => {
    expect(quantile([1, 2, 3, 4, 5], 0.8)).toBeCloseTo(4.2, 12);
    expect(quantile([15, 20, 35, 40, 50], 0.4)).toBeCloseTo(29, 12);
    expect(quantile([7], 0.3)).toBe(7);
    expect(quantile([3, 1, 2], 1)).toBe(3);
    expect(quantile([Number.NaN], 0.5)).toBeNaN();
  });

  it('spans 95 % of the draws', () => {
    const random = createRandom(1, 'test');
    const { mean: centre, lo, hi } = interval95(Float64Array.from({ length: 20_000 }, () => random.normal()));
    expect(centre).toBeCloseTo(0, 1);
    expect(lo).toBeCloseTo(-1.96, 1);
    expect(hi).toBeCloseTo(1.96, 1);
  });

  it('computes the area under the curve with ties', () => {
    expect(auc([1, 2, 3, 4], [0, 0, 1, 1])).toBe(1);
    expect(auc([1, 2, 3, 4], [1, 1, 0, 0])).toBe(0);
    expect(auc([1, 1, 1, 1], [1, 0, 1, 0])).toBe(0.5);
    expect(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(auc([1, Number.NaN, 2], [false, true, true])).toBe(1);
    expect(auc([1, 2], [1, 1])).toBeNaN();
  });

  it('counts into bins', () => {
    expect(histogram([0, 1, 2, 3, 4, Number.NaN], 2)).toEqual({ low: 0, high: 4, counts: Int32Array.from([2, 3]) });
    expect([...histogram([-9, 0.5, 9], 4, [0, 1]).counts]).toEqual([1, 0, 1, 1]);
    expect([...histogram([5, 5], 3).counts]).toEqual([2, 0, 0]);
    expect([...histogram([], 2).counts]).toEqual([0, 0]);
  });
});
