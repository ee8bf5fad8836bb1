import { describe, expect, it } from 'vitest';
import { neighbours } from '../kept-neighbours.ts';
import { compositionOf, meanOf, randomBaseline, shareOf } from './random-subsets.ts';

describe('randomBaseline', () => {
  const rows = 1000;
  const fault = Array.from({ length: rows }, (_, row) => row % 10 === 0);
  const column = Float32Array.from({ length: rows }, (_, row) => (row === 3 ? Number.NaN : row));
  const source = Array.from({ length: rows }, (_, row) => (row % 4 === 0 ? 'a' : row % 4 === 1 ? null : 'b'));
  const statistics = { fault: shareOf(fault), mean: meanOf(column), ...compositionOf(source) };

  it('gives mean and range of any statistic, uniform and stratified', () => {
    const [uniform, stratified] = randomBaseline({ rows, budget: 200, statistics, source });
    expect(uniform).toMatchObject({ kind: 'uniform', seeds: 20, budget: 200 });
    expect(uniform!.statistics.fault!.mean).toBeCloseTo(0.1, 1);
    expect(uniform!.statistics.fault!.values).toHaveLength(20);
    expect(new Set(uniform!.statistics.mean!.values).size).toBe(20);
    const { mean, lo, hi } = uniform!.statistics.mean!;
    expect(lo).toBeLessThan(mean);
    expect(hi).toBeGreaterThan(mean);
    expect(Math.abs(mean - 500)).toBeLessThan(20);
    // Each source gives exactly its share.
    expect(stratified!.statistics.a).toMatchObject({ mean: 0.25, lo: 0.25, hi: 0.25 });
    expect(stratified!.statistics.unknown).toMatchObject({ lo: 0.25, hi: 0.25 });
    expect(stratified!.statistics.b).toMatchObject({ lo: 0.5, hi: 0.5 });
  });

  it('is the same for the same seed, leaves out excluded rows, and needs sources to stratify', () => {
    const excluded = new Set(Array.from({ length: rows }, (_, row) => row).filter((row) => row % 10 === 0));
    const once = randomBaseline({ rows, budget: 5000, statistics, excluded });
    expect(once).toHaveLength(1);
    expect(once[0]).toMatchObject({ budget: 900, statistics: { fault: { mean: 0 } } });
    expect(randomBaseline({ rows, budget: 5000, statistics, excluded })).toEqual(once);
  });

  it('survives an empty pool', () => {
    expect(
      randomBaseline({ rows: 0, budget: 0, statistics: { fault: shareOf([]) } })[0]!.statistics.fault!.mean,
    ).toBeNaN();
  });
});

describe('neighbours', () => {
  it('finds the nearest kept rows, never the row itself', async () => {
    const data = Float32Array.from([1, 0, 1, 0.1, 0, 1, -1, 0, Number.NaN, 0]);
    const embeddings = { data, rows: 5, width: 2 };
    expect((await neighbours([0, 1, 2, 3], 0, embeddings, 2)).map(({ row }) => row)).toEqual([1, 2]);
    expect((await neighbours([1, 4], 0, embeddings, 5)).map(({ row }) => row)).toEqual([1]);
    expect(await neighbours([0, 1], 4, embeddings, 5)).toEqual([]);
    expect(await neighbours([], 0, embeddings, 5)).toEqual([]);
  });
});
