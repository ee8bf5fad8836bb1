import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitCount } from './fit-count.ts';

describe('a count fitted to a cost', () => {
  it('is the largest whose rows fit, in a few runs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 60_000 }),
        async (costs, limit) => {
          let runs = 0;
          const sum = (count: number) => costs.slice(0, count).reduce((total, cost) => total + cost, 0);
          const found = await fitCount(
            limit,
            { least: 0, most: costs.length, guess: limit / 500 },
            async (count) => {
              runs++;
              return count;
            },
            sum,
          );
          expect(runs).toBeLessThanOrEqual(12);
          expect(sum(found!.count)).toBeLessThanOrEqual(limit);
          const isExact = found!.count === costs.length || sum(found!.count + 1) > limit;
          expect(isExact || limit - sum(found!.count) <= 0.001 * limit).toBe(true);
        },
      ),
    );
  });

  it('is none where the least costs too much', async () => {
    expect(
      await fitCount(
        3,
        { least: 1, most: 9, guess: 1 },
        async (n) => n,
        () => 4,
      ),
    ).toBeUndefined();
  });
});
