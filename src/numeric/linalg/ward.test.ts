import { expect, it } from 'vitest';
import { createRandom } from '../philox.ts';
import type { Matrix } from './matrix.ts';
import { wardClusters } from './ward.ts';

const line = (...values: number[]): Matrix => ({ data: Float32Array.from(values), rows: values.length, width: 1 });

it('merges what is near and leaves what is far', () => {
  expect([...wardClusters(line(0, 0.1, 10, 10.1, 0.2), 0.1)]).toEqual([0, 0, 1, 1, 0]);
  expect([...wardClusters(line(0, 1, 2), 1)]).toEqual([0, 0, 0]);
  expect([...wardClusters(line(5, 5, 5), 0.1)]).toEqual([0, 0, 0]);
  expect([...wardClusters(line(3), 0.1)]).toEqual([0]);
  expect([...wardClusters(line(), 0.1)]).toEqual([]);
});

it('takes a weighted point for so many rows', () => {
  // scipy.cluster.hierarchy.linkage([0, 0, 0, 1, 3], 'ward'): heights 0, 0, 1.2247, 3.4785; fcluster at 0.4 of the
  // last.
  expect([...wardClusters(line(0, 0, 0, 1, 3), 0.4)]).toEqual([0, 0, 0, 0, 1]);
  expect([...wardClusters(line(0, 1, 3), 0.4, [3, 1, 1])]).toEqual([0, 0, 1]);
  expect([...wardClusters(line(0, 0, 0, 1, 3), 0.35)]).toEqual([0, 0, 0, 1, 2]);
  expect([...wardClusters(line(0, 1, 3), 0.35, [3, 1, 1])]).toEqual([0, 1, 2]);
});

it('gives nested partitions as the cut grows', () => {
  const random = createRandom(3, 'test/ward');
  const points: Matrix = { data: Float32Array.from({ length: 80 * 3 }, () => random.normal()), rows: 80, width: 3 };
  let finer = wardClusters(points, 0);
  expect(new Set(finer).size).toBe(80);
  for (const cut of [0.1, 0.2, 0.4, 0.7, 1]) {
    const coarser = wardClusters(points, cut);
    const of = new Map<number, number>();
    coarser.forEach((cluster, i) => {
      expect(of.get(finer[i]!) ?? cluster).toBe(cluster);
      of.set(finer[i]!, cluster);
    });
    finer = coarser;
  }
  expect(new Set(finer).size).toBe(1);
});
