import { expect, it } from 'vitest';
import { centre, type Matrix } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { openAssigner } from './assign.ts';
import { openBounded } from './assign-bounded.ts';

const ROWS = 6000;
const WIDTH = 24;
const K = 400;
const TOPICS = 100;

it.each([0, 30])(
  'finds exactly what comparing all rows with all centroids finds, %i away from the origin',
  async (offset) => {
    const random = createRandom(3, 'test/bounded');
    const topics = Float32Array.from({ length: TOPICS * WIDTH }, () => offset + 8 * random.normal());
    // Equal rows and equal centroids too: ties go to the lower one.
    const draw = (rows: number): Matrix => {
      const data = new Float32Array(rows * WIDTH);
      for (let i = 0; i < rows; i++) {
        const from = random.below(TOPICS) * WIDTH;
        const noise = i % 5 === 0 ? 0 : 1;
        for (let t = 0; t < WIDTH; t++) data[i * WIDTH + t] = topics[from + t]! + noise * random.normal();
      }
      return { data, rows, width: WIDTH };
    };
    const assigner = await openAssigner();
    const points = draw(ROWS);
    const spread = centre(points);
    const centroids = draw(K);
    const found = { labels: new Int32Array(ROWS), distances: new Float64Array(ROWS) };
    await assigner.assign(points, centroids, spread.mean, spread.squares, found.labels, found.distances);
    const bounded = await openBounded(points, spread, centroids, found, assigner, {});
    // How far all, and some, centroids move before each round.
    for (const [all, some] of [
      [0, 0],
      [2, 9],
      [0.5, 0],
      [0.1, 4],
      [0, 0],
      [0.02, 0],
      [0, 6],
      [0.01, 0.5],
    ] as const) {
      for (let j = 0; j < K; j++) {
        const far = all + (random.uniform() < 0.1 ? some : 0);
        for (let t = 0; t < WIDTH; t++) centroids.data[j * WIDTH + t]! += far * random.normal();
      }
      const pairs = await bounded.assign(centroids);
      if (all === 0.02) expect(pairs).toBeLessThan(0.7 * ROWS * K);
      const whole = { labels: new Int32Array(ROWS), distances: new Float64Array(ROWS) };
      await assigner.assign(points, centroids, spread.mean, spread.squares, whole.labels, whole.distances);
      expect(found.labels).toEqual(whole.labels);
      for (let i = 0; i < ROWS; i += 7) expect(found.distances[i]).toBeCloseTo(whole.distances[i]!, 3);
      found.labels[7] = (found.labels[7]! + 1) % K;
    }
    await bounded.release();
    await assigner.release();
  },
);
