import { expect, it } from 'vitest';
import { centre, type Matrix } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { openAssigner } from './assign.ts';
import { narrowAssigner } from './assign-narrow.ts';
import { reassign } from './reassign.ts';

const ROWS = 9000;
const K = 24;
const random = createRandom(3, 'test/reassign');

function draw(rows: number, width: number): Matrix {
  return { data: Float32Array.from({ length: rows * width }, () => random.normal()), rows, width };
}

it.each([
  ['wide', 20, () => openAssigner()],
  ['narrow', 3, async () => narrowAssigner()],
])('finds what comparing all rows with all centroids finds, however many moved (%s)', async (_, width, open) => {
  const assigner = await open();
  const points = draw(ROWS, width);
  const spread = centre(points);
  const centroids = draw(K, width);
  const isMoved = new Uint8Array(K).fill(1);
  const found = { labels: new Int32Array(ROWS), distances: new Float64Array(ROWS) };
  for (const count of [K, 0, 1, 3, 12, 23]) {
    if (count < K) isMoved.fill(0);
    for (let n = 0; n < count; n++) {
      const j = count === K ? n : (7 * n + count) % K;
      isMoved[j] = 1;
      centroids.data.set(draw(1, width).data, j * width);
    }
    const before = found.labels.slice();
    await reassign(points, centroids, isMoved, spread, assigner, found);
    const whole = { labels: new Int32Array(ROWS), distances: new Float64Array(ROWS) };
    await assigner.assign(points, centroids, spread.mean, spread.squares, whole.labels, whole.distances);
    expect(found.labels).toEqual(whole.labels);
    for (let i = 0; i < ROWS; i += 97) expect(found.distances[i]).toBeCloseTo(whole.distances[i]!, 4);
    expect(before.some((label, row) => label !== found.labels[row])).toBe(count > 0);
  }
  await assigner.release();
});
