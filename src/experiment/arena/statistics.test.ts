/** The arena's statistics on cases whose answers are known otherwise. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { mean, standardDeviation } from '../../numeric/statistics/statistics.ts';
import { leafOrder, overlaps } from './overlap.ts';
import { overlapTable } from './overlap-table.ts';
import { distanceFrom, drawNull, holm } from './permutation.ts';
import { measure, openAccumulator, type Quantity } from './quantities.ts';
import { uniquePicks } from './unique-picks.ts';

const rows = (...all: number[]): Int32Array => Int32Array.from(all);
const upTo = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

describe('overlap', () => {
  it('is counted by hand', () => {
    const [line] = overlaps([rows(0, 1, 2, 3), rows(2, 3, 4, 5), rows(8, 9)], 10, 10);
    expect(line).toEqual([
      { both: 4, jaccard: 1, ratio: 4 / 1.6 },
      { both: 2, jaccard: 2 / 6, ratio: 2 / 1.6 },
      { both: 0, jaccard: 0, ratio: 0 },
    ]);
    expect(overlaps([rows(), rows()], 3, 3)[0]![1]).toEqual({ both: 0, jaccard: Number.NaN, ratio: Number.NaN });
  });

  it('of random subsets is chance: a ratio of 1', () => {
    const subsets = Array.from({ length: 30 }, (_, s) => createRandom(s, 'test').sample(2000, 300));
    const table = overlapTable(['a'], [subsets[0]!], [{ kind: 'uniform', subsets: subsets.slice(1) }], 2000, 2000);
    expect(table.names).toEqual(['a', 'random']);
    expect(table.ratio[1]![1]).toBeCloseTo(1, 1);
    // n^2 / N = 45 rows in both of 2 n - 45.
    expect(table.jaccard[1]![1]).toBeCloseTo(45 / 555, 2);
    expect(table.jaccard[0]![0]).toBe(1);
    expect(table.jaccard[0]![1]).toBe(table.jaccard[1]![0]);
  });

  it('is symmetric and within its bounds', () => {
    const subset = fc.uniqueArray(fc.integer({ min: 0, max: 29 })).map((all) => Int32Array.from(all));
    fc.assert(
      fc.property(fc.array(subset, { minLength: 1, maxLength: 5 }), (subsets) => {
        const all = overlaps(subsets, 30, 30);
        for (let i = 0; i < subsets.length; i++) {
          for (let j = 0; j < subsets.length; j++) {
            const { both, jaccard } = all[i]![j]!;
            const either = new Set([...subsets[i]!, ...subsets[j]!]).size;
            if (all[j]![i]!.both !== both || both > Math.min(subsets[i]!.length, subsets[j]!.length)) return false;
            if (either > 0 && Math.abs(jaccard - both / either) > 1e-12) return false;
          }
        }
        return true;
      }),
    );
  });

  it('puts alike ones beside each other, each once', () => {
    const order = leafOrder([
      [1, 0.1, 0.8, 0.2],
      [0.1, 1, 0.1, 0.7],
      [0.8, 0.1, 1, 0.3],
      [0.2, 0.7, 0.3, 1],
    ]);
    expect(order).toEqual([0, 2, 3, 1]);
    expect(leafOrder([])).toEqual([]);
    expect(leafOrder([[1]])).toEqual([0]);
  });
});

describe('what a method does alone', () => {
  it('lists what no other keeps, and what all others do', () => {
    const [a, b, c] = uniquePicks([rows(0, 1, 2), rows(1, 2, 3), rows(2, 3, 4)], Uint8Array.of(1, 1, 1, 1, 1, 1), 2);
    expect(a).toEqual({
      picked: 1,
      dropped: 1,
      odd: [
        { row: 0, votes: 0 },
        { row: 1, votes: 1 },
      ],
      missed: [
        { row: 3, votes: 2 },
        { row: 4, votes: 1 },
      ],
    });
    expect(b).toMatchObject({ picked: 0, dropped: 0 });
    expect(c).toMatchObject({ picked: 1, dropped: 1 });
  });

  it('is what counting and sorting give', () => {
    const subset = fc.uniqueArray(fc.integer({ min: 0, max: 19 })).map((all) => Int32Array.from(all));
    fc.assert(
      fc.property(fc.array(subset, { minLength: 2, maxLength: 5 }), (subsets) => {
        const eligible = new Uint8Array(20).fill(1);
        const votesOf = (row: number, m: number) => subsets.filter((one, i) => i !== m && one.includes(row)).length;
        uniquePicks(subsets, eligible, 6).forEach(({ picked, dropped, odd, missed }, m) => {
          const all = [...upTo(20)].map((row) => ({ row, votes: votesOf(row, m) }));
          const own = all.filter(({ row }) => subsets[m]!.includes(row)).sort((a, b) => a.votes - b.votes);
          const others = all.filter(({ row, votes }) => !subsets[m]!.includes(row) && votes > 0);
          expect(picked).toBe(own.filter(({ votes }) => votes === 0).length);
          expect(dropped).toBe(others.filter(({ votes }) => votes === subsets.length - 1).length);
          expect(odd).toEqual(own.slice(0, 6));
          expect(missed).toEqual(others.sort((a, b) => b.votes - a.votes).slice(0, 6));
        });
      }),
      { numRuns: 50 },
    );
  });

  it('counts nothing for a method without others', () => {
    expect(uniquePicks([rows(0)], Uint8Array.of(1, 1), 5)).toEqual([
      { picked: 0, dropped: 0, odd: [{ row: 0, votes: 0 }], missed: [] },
    ]);
  });
});

describe('distance from random', () => {
  const N = 400;
  const pool = upTo(N);
  const noise = (name: string): number[] => {
    const random = createRandom(7, name);
    return Array.from({ length: N }, () => random.normal());
  };
  const quantities: Quantity[] = [
    { kind: 'mean', name: 'rank', values: Array.from(pool) },
    { kind: 'composition', name: 'half', groups: pool.map((row) => (row < N / 2 ? 0 : 1)), labels: 2 },
    ...['a', 'b', 'c', 'd'].map((name): Quantity => ({ kind: 'mean', name, values: noise(name) })),
  ];
  const accumulator = openAccumulator(quantities, pool);

  it('draws subsets with the mean and the spread that drawing without replacement has', async () => {
    const [small, large] = await drawNull(pool, accumulator, [40, 200], 2000, 1);
    const of = (draws: Float64Array): { mean: number; variance: number } => {
      const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
      return { mean, variance: draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length };
    };
    // sigma^2 / n x (N - n) / (N - 1), sigma^2 = (N^2 - 1) / 12
    const expected = (n: number): number => (((N ** 2 - 1) / 12 / n) * (N - n)) / (N - 1);
    for (const [draws, n] of [
      [small!, 40],
      [large!, 200],
    ] as const) {
      const found = of(draws.values[0]!);
      expect(draws.size).toBe(n);
      expect(Math.abs(found.mean - (N - 1) / 2)).toBeLessThan(4 * Math.sqrt(expected(n) / 2000));
      expect(found.variance / expected(n)).toBeGreaterThan(0.85);
      expect(found.variance / expected(n)).toBeLessThan(1.15);
    }
  });

  it('draws large subsets as smaller ones, whose spread is scaled', async () => {
    const sizes = [20, 100, 200, 399, 400];
    const exact = await drawNull(pool, accumulator, sizes, 2000, 3);
    const scaled = await drawNull(pool, accumulator, sizes, 2000, 3, { most: 60 });
    exact.forEach(({ size, values }, s) => {
      for (const [q, own] of values.entries()) {
        // Of a make-up the scale is exact where its shares are normal; an odd count of two halves is never 0.
        if (quantities[q]!.kind === 'composition' && size > 300) continue;
        const [a, b] = [own, scaled[s]!.values[q]!];
        const spread = standardDeviation(a);
        expect(Math.abs(mean(a) - mean(b)), `${size} ${q}`).toBeLessThanOrEqual(0.2 * spread + 1e-9);
        if (size < 400) expect(standardDeviation(b) / spread, `${size} ${q}`).toBeGreaterThan(0.9);
        if (size < 400) expect(standardDeviation(b) / spread, `${size} ${q}`).toBeLessThan(1.1);
      }
    });
  });

  it('finds a subset that is not random, and names the quantity', async () => {
    const [draws] = await drawNull(pool, accumulator, [40], 500, 1);
    const top = upTo(N).slice(-40);
    const found = distanceFrom(draws!, measure(accumulator, top));
    expect(found.p).toBe(1 / 501);
    expect(found.value).toBeGreaterThan(found.hi);
    expect(found.quantities[0]).toMatchObject({ outside: true, value: N - 20.5 });
    expect(found.quantities[0]!.z).toBeGreaterThan(8);
    expect(found.quantities.slice(2).every(({ outside }) => !outside)).toBe(true);
  });

  it('gives random subsets p-values that are uniform: looking at many quantities is paid for', async () => {
    const [draws] = await drawNull(pool, accumulator, [40], 400, 2);
    const p = Array.from({ length: 300 }, (_, s) => {
      const subset = createRandom(s, 'other').sample(N, 40);
      return distanceFrom(draws!, measure(accumulator, subset)).p;
    });
    const below = (limit: number): number => p.filter((one) => one < limit).length / p.length;
    expect(below(0.05)).toBeLessThan(0.1);
    expect(below(0.5)).toBeGreaterThan(0.4);
    expect(below(0.5)).toBeLessThan(0.6);
  });

  it('says nothing of quantities that cannot differ', async () => {
    const same = openAccumulator([{ kind: 'mean', name: 'same', values: new Float64Array(10).fill(0.1) }], upTo(10));
    const [draws] = await drawNull(upTo(10), same, [4], 50, 1);
    const found = distanceFrom(draws!, [0.1]);
    expect(found).toMatchObject({ value: 0, p: 1 });
    expect(found.quantities[0]).toMatchObject({ z: Number.NaN, outside: false });
  });

  it('leaves numbers that are not finite out of means', () => {
    const values = [1, Number.NaN, 3, Number.POSITIVE_INFINITY];
    const holes = openAccumulator([{ kind: 'mean', name: 'holes', values }, quantities[0]!], upTo(4));
    expect(measure(holes, rows(0, 1, 2, 3))).toEqual([2, 1.5]);
    expect(measure(holes, rows(1, 3))).toEqual([Number.NaN, 2]);
  });

  it('measures make-up by half of the summed differences of shares', () => {
    expect(measure(accumulator, rows(0, 1, 2, 3))[1]).toBe(0.5);
    expect(measure(accumulator, rows(0, 399))[1]).toBe(0);
    expect(measure(accumulator, [])[1]).toBe(Number.NaN);
  });
});

it('corrects for many tests by Holm', () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});
