import { expect, it } from 'vitest';
import { clusterHealth } from './cluster-health.ts';

it('tells a collapsed clustering from a sound one', () => {
  const centroids = Float32Array.from([1, 0, 0, 1, 1, 1]);
  const sound = clusterHealth({ sizes: Int32Array.from([10, 10, 20]), centroids });
  expect(sound).toMatchObject({ empty: 0, largestShare: 0.5 });
  expect(sound.leastCosine).toBeCloseTo(Math.SQRT1_2, 6);
  const collapsed = clusterHealth({
    sizes: Int32Array.from([39, 1, 0]),
    centroids: Float32Array.from([1, 1, 2, 2, 9, 0]),
  });
  expect(collapsed).toMatchObject({ empty: 1, largestShare: 0.975 });
  expect(collapsed.leastCosine).toBeCloseTo(1, 6);
  expect(clusterHealth({ sizes: Int32Array.from([5]), centroids: Float32Array.from([1]) }).leastCosine).toBeNaN();
});
