import { describe, expect, it } from 'vitest';
import type { Matrix } from './linalg/matrix.ts';
import { nearestByCosine } from './nearest.ts';
import { createRandom } from './philox.ts';

function points(rows: number, width: number, seed: number): Matrix {
  const random = createRandom(seed, 'test/points');
  return { data: Float32Array.from({ length: rows * width }, () => random.normal()), rows, width };
}

function cosine(a: Matrix, i: number, b: Matrix, j: number): number {
  const x = [...a.data.subarray(i * a.width, (i + 1) * a.width)];
  const y = [...b.data.subarray(j * b.width, (j + 1) * b.width)];
  return x.reduce((sum, value, t) => sum + value * y[t]!, 0) / Math.hypot(...x) / Math.hypot(...y);
}

describe('nearestByCosine', () => {
  it('finds what a plain loop finds, over several blocks', async () => {
    const queries = points(5, 7, 1);
    const candidates = points(9000, 7, 2);
    const { rows, similarities } = await nearestByCosine(queries, candidates, { k: 4 });
    for (let q = 0; q < 5; q++) {
      const all = Array.from({ length: 9000 }, (_, j) => cosine(queries, q, candidates, j));
      const best = all.map((_, j) => j).sort((a, b) => all[b]! - all[a]!);
      expect([...rows[q]!]).toEqual(best.slice(0, 4));
      similarities[q]!.forEach((value, i) => {
        expect(value).toBeCloseTo(all[best[i]!]!, 5);
      });
    }
  });

  it('gives ties to the earlier row, and skips rows without a direction and pairs it is told to skip', async () => {
    const candidates = { data: Float32Array.from([2, 0, 0, 0, 1, 0, Number.NaN, 1, 0, 3]), rows: 5, width: 2 };
    const query = { data: Float32Array.from([1, 0, 0, 0]), rows: 2, width: 2 };
    const { rows } = await nearestByCosine(query, candidates, { k: 9 });
    expect(rows.map((found) => [...found])).toEqual([[0, 2, 4], []]);
    const skipped = await nearestByCosine(query, candidates, { k: 9, skip: (_, candidate) => candidate === 0 });
    expect([...skipped.rows[0]!]).toEqual([2, 4]);
  });
});
