import { describe, expect, it } from 'vitest';
import type { Matrix } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { kmeans } from './kmeans.ts';
import { miniBatchKMeans } from './mini-batch.ts';

/** Rows around `of` points far apart, dealt in turn, or `share` of them around the first alone. */
function clouds(rows: number, of: number, share = 0): Matrix {
  const random = createRandom(3, 'clouds');
  const width = 6;
  const places = Float64Array.from({ length: of * width }, () => 20 * random.normal());
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const at = row < share * rows ? 0 : row % of;
    for (let t = 0; t < width; t++) data[row * width + t] = places[at * width + t]! + 0.5 * random.normal();
  }
  return { data, rows, width };
}

describe('miniBatchKMeans', () => {
  it('finds clusters that lie apart, in far fewer steps than its limit', async () => {
    const points = clouds(5000, 8);
    const { labels, sizes, iterations, inertia } = await miniBatchKMeans(points, { k: 8, batch: 256 });
    const ofCloud = Array.from({ length: 8 }, (_, c) => new Set(labels.filter((_, row) => row % 8 === c)));
    expect(ofCloud.every((own) => own.size === 1)).toBe(true);
    expect([...sizes]).toEqual(new Array(8).fill(625));
    expect(iterations).toBeLessThan(500);
    expect(inertia).toBeLessThan(1.02 * (await kmeans(points, { k: 8 })).inertia);
  });

  it('is a function of its seed, whatever the number of threads', async () => {
    const points = clouds(2000, 5);
    const run = (seed: number, threads: number) => miniBatchKMeans(points, { k: 12, batch: 100, seed, threads });
    expect(await run(1, 2)).toEqual(await run(1, 1));
    expect((await run(2, 1)).labels).not.toEqual((await run(1, 1)).labels);
  });

  it('gives every row a cluster where batches are larger than the pool, rows are few, or all equal', async () => {
    const few = await miniBatchKMeans(clouds(7, 7), { k: 7, batch: 2048 });
    expect(new Set(few.labels).size).toBe(7);
    const equal = { data: new Float32Array(30).fill(2), rows: 10, width: 3 };
    const { labels, inertia } = await miniBatchKMeans(equal, { k: 3, batch: 4 });
    expect(labels).toHaveLength(10);
    expect(inertia).toBe(0);
  });

  it('begins anew with centroids that hardly any row goes to', async () => {
    const points = clouds(4000, 10, 0.9);
    const { sizes } = await miniBatchKMeans(points, { k: 40, batch: 200 });
    expect(sizes.filter((size) => size > 0).length).toBeGreaterThan(30);
  });

  it('stops when it is told to', async () => {
    const options = { k: 3, batch: 10, signal: AbortSignal.abort() };
    await expect(miniBatchKMeans(clouds(100, 3), options)).rejects.toThrow(/abort/);
  });
});
