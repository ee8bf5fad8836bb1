import { expect, it } from 'vitest';
import { centre, type Matrix, squaredDistance } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { initPlusPlus } from './kmeans-init.ts';

/** `of` clouds of very different sizes: the first holds a third of all rows, the last a handful. */
function clouds(rows: number, of: number, width: number): { points: Matrix; cloud: Int32Array } {
  const random = createRandom(5, 'clouds');
  const places = Float64Array.from({ length: of * width }, () => 10 * random.normal());
  const cloud = Int32Array.from({ length: rows }, () => Math.min(of - 1, Math.floor(of * random.uniform() ** 3)));
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let t = 0; t < width; t++) data[row * width + t] = places[cloud[row]! * width + t]! + random.normal();
  return { points: { data, rows, width }, cloud };
}

it.each([1, 5])('knows the nearest of the centres that it chose among %i candidates', async (candidates) => {
  const { points } = clouds(5000, 30, 6);
  const { chosen, found } = await initPlusPlus(points, centre(points), {
    k: 90,
    random: createRandom(1, 'start'),
    candidates,
  });
  expect(new Set(chosen).size).toBe(90);
  for (let row = 0; row < points.rows; row += 7) {
    const all = Array.from(chosen, (other) => squaredDistance(points, row, points, other));
    const least = Math.min(...all);
    expect(all[found.labels[row]!]).toBeLessThanOrEqual(least * (1 + 1e-4) + 1e-3);
    expect(Math.abs(found.distances[row]! - least)).toBeLessThan(1e-2 + 1e-4 * least);
  }
});

it('leaves fewer clouds without a centre where several rows compete', async () => {
  const { points, cloud } = clouds(4000, 60, 12);
  const covered = async (candidates: number): Promise<number[]> => {
    const seeds = [1, 2, 3, 4, 5];
    const starts = await Promise.all(
      seeds.map((seed) =>
        initPlusPlus(points, centre(points), { k: 60, random: createRandom(seed, 'start'), candidates }),
      ),
    );
    return starts.map(({ chosen }) => new Set(Array.from(chosen, (row) => cloud[row]!)).size);
  };
  expect(Math.min(...(await covered(6)))).toBeGreaterThan(Math.max(...(await covered(1))));
});

it('repeats rows only where fewer differ than centres are wanted', async () => {
  const data = Float32Array.from({ length: 20 }, (_, i) => i % 4);
  const points = { data, rows: 20, width: 1 };
  const { chosen, found } = await initPlusPlus(points, centre(points), {
    k: 6,
    random: createRandom(1, 'start'),
    candidates: 3,
  });
  expect(new Set(Array.from(chosen, (row) => data[row])).size).toBe(4);
  expect(found.distances.every((distance) => distance === 0)).toBe(true);
});

it('ends where rows are alike but for rounding', async () => {
  const random = createRandom(9, 'alike');
  const vectors = Array.from({ length: 4 * 64 }, () => random.normal());
  const data = Float32Array.from({ length: 24 * 64 }, (_, i) => vectors[i % (4 * 64)]! * (1 + 1e-7 * (i % 3)));
  const points = { data, rows: 24, width: 64 };
  const { chosen } = await initPlusPlus(points, centre(points), { k: 12, random, candidates: 4 });
  expect(chosen).toHaveLength(12);
});
