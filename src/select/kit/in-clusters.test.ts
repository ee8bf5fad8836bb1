import { describe, expect, it } from 'vitest';
import { wideOf } from '../../numeric/columns.ts';
import { gatherRows, squaredDistance } from '../../numeric/linalg/matrix.ts';
import { nearestRows } from '../../numeric/neighbour-table.ts';
import { createRandom } from '../../numeric/philox.ts';
import { pickByCoverage } from '../methods/facility-location/coverage.ts';
import { parseOptions, selectBy, selectors } from '../methods/find.ts';
import { pickTypical } from '../methods/typiclust/typicality.ts';
import type { SelectorInput } from '../selector.ts';

function cloud(rows: number, width = 3) {
  const random = createRandom(21, 'test/cloud');
  return { data: Float32Array.from({ length: rows * width }, () => random.normal()), rows, width };
}

function pool(column: string, points: number[][], label: number[]): SelectorInput {
  return {
    rows: points.length,
    columns: {
      [column]: { kind: 'f32', width: points[0]!.length, data: Float32Array.from(points.flat()) },
      label: { kind: 'i32', width: 1, data: Int32Array.from(label) },
    },
  };
}

describe('self-sup', () => {
  const input = pool(
    'image',
    [
      [1, 0],
      [0.9, 0.1],
      [0, 1],
      [1, 1],
    ],
    [0, 0, 0, 1],
  );

  it('asks which end to keep, and names both for comparisons', () => {
    const selector = selectors.find(({ name }) => name === 'self-sup')!;
    expect(() => parseOptions(selector, {})).toThrow(/keep/);
    expect(selector.comparisonVariants!.map((form) => parseOptions(selector, form).keep)).toEqual(['near', 'far']);
  });

  it('keeps a row alone in its cluster first when near, last when far', async () => {
    const kept = async (keep: string) => [
      ...(await selectBy('self-sup', input, { keep, labels: 'label' }, { budget: 4, seed: 1 })).kept,
    ];
    expect(await kept('near')).toEqual([3, 1, 0, 2]);
    expect(await kept('far')).toEqual([2, 0, 1, 3]);
  });

  it('puts rows that lie equally far in their order, whatever the rounding: alone in a cluster, or two', async () => {
    const points = Array.from(cloud(10, 5).data);
    const rows = Array.from({ length: 10 }, (_, row) => points.slice(5 * row, 5 * row + 5));
    for (const distance of ['cosine', 'l2']) {
      const options = { keep: 'near', labels: 'label', distance };
      const alone = await selectBy('self-sup', pool('image', rows, [...rows.keys()]), options, { budget: 10, seed: 1 });
      expect([...alone.kept]).toEqual([...rows.keys()]);
      // Each with its next: 0 and 1, 2 and 3, ...
      const pairs = pool(
        'image',
        rows,
        [...rows.keys()].map((row) => row >> 1),
      );
      const { kept } = await selectBy('self-sup', pairs, options, { budget: 10, seed: 1 });
      for (let at = 0; at < 10; at += 2) expect([kept[at]! % 2, kept[at + 1]! - kept[at]!]).toEqual([0, 1]);
    }
  });
});

describe('typiclust', () => {
  it('goes round the clusters, the largest first, and begins with the densest part of each', async () => {
    const points = [[0], [1], [1.1], [5], [10], [10.2], [13], [99]];
    const input = pool('dino', points, [0, 0, 0, 0, 1, 1, 1, 2]);
    const run = (budget: number, variant = 'paper') =>
      selectBy('typiclust', input, { labels: 'label', normalise: 'none', variant }, { budget, seed: 1 });
    expect([...(await run(3)).kept]).toEqual([1, 4, 7]);
    expect((await run(8)).kept).toHaveLength(8);
    const official = await run(8, 'official');
    expect(official.kept).toHaveLength(0);
    expect(official.shortfall!.because).toContain('clusters of 5 rows and fewer');
  });

  it('measures typicality anew among what is left, as the definition does', async () => {
    const points = cloud(150);
    const members = Array.from({ length: 150 }, (_, row) => row);
    const { picked } = await pickTypical(
      gatherRows(points, members),
      150,
      { neighbours: 9, distance: 'squared' },
      { seed: 1 },
    );
    const left = new Set(members);
    const byHand: number[] = [];
    while (left.size > 0) {
      const k = Math.min(9, left.size >> 1);
      const rate = (row: number): number => {
        const squares = [...left]
          .filter((other) => other !== row)
          .map((other) => squaredDistance(points, row, points, other));
        const near = squares.sort((a, b) => a - b).slice(0, k);
        return k === 0 ? 0 : 1 / (near.reduce((sum, square) => sum + square, 0) / k + 1e-5);
      };
      const best = [...left].map((row) => ({ row, value: rate(row) })).reduce((a, b) => (b.value > a.value ? b : a));
      byHand.push(best.row);
      left.delete(best.row);
    }
    expect(picked).toEqual(byHand);
  });

  it('differs by variant in the distance it takes the mean of', async () => {
    const points = cloud(80);
    const members = Array.from({ length: 80 }, (_, row) => row);
    const pick = async (distance: 'plain' | 'squared') =>
      (await pickTypical(gatherRows(points, members), 40, { neighbours: 20, distance }, { seed: 1 })).picked;
    expect(await pick('plain')).not.toEqual(await pick('squared'));
  });
});

describe('facility location', () => {
  it('takes what covers most, and is the greedy choice by definition', async () => {
    const points = cloud(60);
    for (let row = 0; row < 60; row++) {
      const own = points.data.subarray(row * 3, row * 3 + 3);
      const length = Math.hypot(...own);
      for (let t = 0; t < 3; t++) own[t]! /= length;
    }
    const near = await nearestRows(wideOf(points), { k: 59, search: 'exact' });
    const { picked, gains } = pickByCoverage(near, 60, 20);
    const similarity = (i: number, j: number) =>
      i === j ? 1 : Math.max(0, 1 - squaredDistance(points, i, points, j) / 2);
    const covered = new Float64Array(60);
    for (const [n, row] of picked.entries()) {
      const gain = (j: number) => covered.reduce((sum, value, i) => sum + Math.max(0, similarity(i, j) - value), 0);
      const best = Math.max(...Array.from({ length: 60 }, (_, j) => gain(j)));
      expect(gain(row)).toBeCloseTo(best, 6);
      expect(gains[n]).toBeCloseTo(best, 6);
      covered.forEach((value, i) => {
        covered[i] = Math.max(value, similarity(i, row));
      });
    }
  });
});

describe('farthest point', () => {
  it('begins in the middle and goes to the ends', async () => {
    const input = pool('image', [[0], [1], [2], [3], [10]], [0, 0, 0, 0, 0]);
    const { kept } = await selectBy('farthest-point', input, { normalise: 'none' }, { budget: 3, seed: 1 });
    expect([...kept]).toEqual([3, 4, 0]);
  });
});
