import { expect, it } from 'vitest';
import { type WideColumn, wideOf } from '../../numeric/columns.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import { createRandom } from '../../numeric/philox.ts';
import { clusterRows } from './clustering.ts';

const ROWS = 900;
const WIDTH = 4;

/** Three groups far apart, by row number modulo 3. */
function groups(): Matrix {
  const random = createRandom(5, 'test/cluster-rows');
  const data = Float32Array.from({ length: ROWS * WIDTH }, (_, at) => {
    const row = Math.floor(at / WIDTH);
    return 10 * (row % 3) + random.normal();
  });
  return { data, rows: ROWS, width: WIDTH };
}

/** The same as a column that isn't in memory. */
const streamed = (matrix: Matrix): WideColumn => {
  const { held: _, ...rest } = wideOf(matrix);
  return rest;
};

const context = { budget: 0, seed: 1 };
const rows = Array.from({ length: ROWS }, (_, row) => row).filter((row) => row % 10 !== 0);

it('fits on a sample where rows are larger than memory allows, and assigns all of them', async () => {
  const matrix = groups();
  const sampled = await clusterRows(streamed(matrix), rows, 3, context, { fitBytes: 60 * WIDTH * 4 });
  const held = await clusterRows(wideOf(matrix), rows, 3, context, { fitBytes: 60 * WIDTH * 4 });
  expect(sampled.k).toBe(3);
  expect(sampled.clusters).toEqual(held.clusters);
  expect([...sampled.clusters].filter((_, row) => row % 10 === 0).every((cluster) => cluster === -1)).toBe(true);
  expect(new Set(rows.map((row) => `${row % 3}/${sampled.clusters[row]}`)).size).toBe(3);
});

it('makes no more clusters than the sample has rows', async () => {
  const { k, clusters } = await clusterRows(streamed(groups()), rows, 50, context, { fitBytes: 20 * WIDTH * 4 });
  expect(k).toBe(20);
  expect(rows.every((row) => clusters[row]! >= 0)).toBe(true);
});

it('clusters in small steps where it is told to, from memory or not', async () => {
  const matrix = groups();
  const inSteps = await clusterRows(wideOf(matrix), rows, 3, context, { miniBatch: 64 });
  expect(inSteps.clusters).toEqual((await clusterRows(wideOf(matrix), rows, 3, context)).clusters);
  const many = { miniBatch: 64, fitBytes: 600 * WIDTH * 4 };
  const whole = await clusterRows(streamed(matrix), rows, 40, context, { fitBytes: many.fitBytes });
  const sampled = await clusterRows(streamed(matrix), rows, 40, context, many);
  expect(rows.every((row) => sampled.clusters[row]! >= 0 && sampled.clusters[row]! < 40)).toBe(true);
  expect(sampled.clusters).not.toEqual(whole.clusters);
});
