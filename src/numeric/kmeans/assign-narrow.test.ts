import { describe, expect, it } from 'vitest';
import { centre, type Matrix } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { openAssigner } from './assign.ts';
import { narrowAssigner } from './assign-narrow.ts';

function draw(rows: number, width: number, seed: number): Matrix {
  const random = createRandom(seed, 'test');
  const level = Float32Array.from({ length: rows }, () => 50 * random.uniform());
  const data = Float32Array.from({ length: rows * width }, (_, i) => level[Math.floor(i / width)]! + random.normal());
  return { data, rows, width };
}

async function nearest(
  assigner: Awaited<ReturnType<typeof openAssigner>>,
  points: Matrix,
  centroids: Matrix,
): Promise<{ labels: Int32Array; distances: Float64Array }> {
  const { mean, squares } = centre(points);
  const labels = new Int32Array(points.rows);
  const distances = new Float64Array(points.rows);
  await assigner.assign(points, centroids, mean, squares, labels, distances);
  await assigner.release();
  return { labels, distances };
}

describe('narrowAssigner', () => {
  it.each([1, 2, 7, 16])('finds what comparing with every centroid finds, %i numbers a row', async (width) => {
    const points = draw(3000, width, 1);
    const centroids = draw(200, width, 2);
    const found = await nearest(narrowAssigner(), points, centroids);
    const slow = await nearest(await openAssigner({ threads: 1 }), points, centroids);
    const agree = found.labels.filter((label, row) => label === slow.labels[row]).length;
    // Single precision in the matrix product decides near ties otherwise.
    expect(agree).toBeGreaterThan(2990);
    for (let row = 0; row < points.rows; row++) {
      expect(found.distances[row]).toBeLessThan(slow.distances[row]! + 0.01);
      expect(found.distances[row]).toBeGreaterThan(slow.distances[row]! - 0.01);
    }
  });

  it('takes the lowest of equal centroids', async () => {
    const values = [3, 1, 0, 1, 3, 1, 0, 0, 2, 2].flatMap((value) => [value, value, value]);
    const points: Matrix = { data: Float32Array.from(values), rows: 10, width: 3 };
    const { labels, distances } = await nearest(narrowAssigner(), points, points);
    expect([...labels]).toEqual([0, 1, 2, 1, 0, 1, 2, 2, 8, 8]);
    expect(distances.every((distance) => distance === 0)).toBe(true);
    const between: Matrix = { data: Float32Array.of(0.5, 0.5, 0.5, 2.5, 2.5, 2.5), rows: 2, width: 3 };
    expect([...(await nearest(narrowAssigner(), between, points)).labels]).toEqual([1, 0]);
  });
});
