import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Matrix, squaredDistance } from '../linalg/matrix.ts';
import { createRandom } from '../philox.ts';
import { assignRows, kmeans } from './kmeans.ts';

/** `clusters` well separated blobs, rows dealt in turn. */
function blobs(rows: number, width: number, clusters: number, offset = 0): Matrix {
  const random = createRandom(7, 'blobs');
  const means = Array.from({ length: clusters * width }, () => 10 * random.normal());
  const data = Float32Array.from(
    { length: rows * width },
    (_, i) => offset + means[(Math.floor(i / width) % clusters) * width + (i % width)]! + 0.3 * random.normal(),
  );
  return { data, rows, width };
}

function matrix(rows: number[][]): Matrix {
  return { data: Float32Array.from(rows.flat()), rows: rows.length, width: rows[0]?.length ?? 0 };
}

describe('kmeans', () => {
  it.each([0, 3000])('finds separated blobs, also %i away from the origin', async (offset) => {
    const points = blobs(2500, 12, 8, offset);
    const { labels, sizes, inertia } = await kmeans(points, { k: 8 });
    const seen = new Map<number, number>();
    for (let i = 0; i < points.rows; i++) {
      const truth = i % 8;
      if (!seen.has(truth)) seen.set(truth, labels[i]!);
      expect(labels[i]).toBe(seen.get(truth));
    }
    expect(new Set(seen.values()).size).toBe(8);
    expect(sizes.reduce((a, b) => a + b)).toBe(2500);
    expect(inertia / (2500 * 12)).toBeCloseTo(0.09, 1);
  });

  it('does not depend on the number of threads, and is the same twice', async () => {
    const points = blobs(3000, 48, 3);
    const one = await kmeans(points, { k: 37, threads: 1, tolerance: 0 });
    const two = await kmeans(points, { k: 37, threads: 2, tolerance: 0 });
    expect(two).toEqual(one);
    expect((await kmeans(points, { k: 37, seed: 1 })).labels).not.toEqual(one.labels);
  });

  it('assigns as a plain loop in double precision does', async () => {
    const points = blobs(1500, 10, 20);
    const { centroids, labels, distances, inertia } = await kmeans(points, { k: 20, niter: 2 });
    const c = { data: centroids, rows: 20, width: 10 };
    let sum = 0;
    for (let i = 0; i < points.rows; i++) {
      const all = Array.from({ length: 20 }, (_, j) => squaredDistance(points, i, c, j));
      const least = Math.min(...all);
      expect(all[labels[i]!]).toBeLessThanOrEqual(least * (1 + 1e-4) + 1e-4);
      expect(Math.abs(distances[i]! - least)).toBeLessThan(1e-3 + 1e-4 * least);
      sum += least;
    }
    expect(Math.abs(inertia / sum - 1)).toBeLessThan(1e-4);
  });

  it('never gets worse with more iterations', async () => {
    const points = blobs(800, 6, 40);
    let before = Number.POSITIVE_INFINITY;
    for (const niter of [1, 2, 4, 8, 16]) {
      const { inertia } = await kmeans(points, { k: 12, niter, tolerance: 0 });
      expect(inertia).toBeLessThanOrEqual(before * (1 + 1e-6));
      before = inertia;
    }
  });

  it('keeps the best of several starts', async () => {
    const points = blobs(400, 4, 15);
    const once = await kmeans(points, { k: 15, niter: 10 });
    const often = await kmeans(points, { k: 15, niter: 10, nredo: 5 });
    expect(often.inertia).toBeLessThanOrEqual(once.inertia);
  });

  it('fits on a sample and still assigns every row', async () => {
    const points = blobs(5000, 8, 5);
    const { labels, sizes, inertia } = await kmeans(points, { k: 5, sampleCap: 256 * 5 });
    expect(labels).toHaveLength(5000);
    expect([...sizes]).toEqual([1000, 1000, 1000, 1000, 1000]);
    expect(inertia / (5000 * 8)).toBeCloseTo(0.09, 1);
  });

  it('refills empty clusters: as many clusters as distinct points are all used', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), async (distinct, copies) => {
        const rows = Array.from({ length: distinct * copies }, (_, i) => [(i % distinct) * 10, 1]);
        const { sizes, inertia } = await kmeans(matrix(rows), { k: distinct });
        expect([...sizes]).toEqual(new Array(distinct).fill(copies));
        expect(inertia).toBeCloseTo(0, 3);
      }),
      { numRuns: 20 },
    );
  });

  it('survives identical points and a single row', async () => {
    const same = await kmeans(matrix(Array.from({ length: 9 }, () => [0.1, 0.2, 0.3])), { k: 4 });
    expect(same.sizes.reduce((a, b) => a + b)).toBe(9);
    expect(same.inertia).toBeCloseTo(0, 6);
    expect([...(await kmeans(matrix([[1, 2]]), { k: 1 })).labels]).toEqual([0]);
  });

  it('keeps spherical centroids at length 1 and clusters by direction', async () => {
    const rows = [
      [1, 0.01],
      [1, -0.01],
      [0.01, 1],
      [-0.01, 1],
    ];
    const { labels, centroids } = await kmeans(matrix(rows), { k: 2, spherical: true });
    expect(labels[0]).toBe(labels[1]);
    expect(labels[2]).toBe(labels[3]);
    expect(labels[0]).not.toBe(labels[2]);
    for (const j of [0, 1]) expect(Math.hypot(centroids[2 * j]!, centroids[2 * j + 1]!)).toBeCloseTo(1, 6);
  });

  it('says what is wrong with k and with the data', async () => {
    const points = matrix([
      [1, 2],
      [3, 4],
    ]);
    await expect(kmeans(points, { k: 3 })).rejects.toThrow(/between 1 and 2 clusters/);
    await expect(kmeans(points, { k: 0 })).rejects.toThrow(/between 1 and 2 clusters/);
    const broken = matrix([
      [1, 2],
      [3, Number.NaN],
      [5, 6],
    ]);
    await expect(kmeans(broken, { k: 2 })).rejects.toThrow(/in row 1\b/);
  });

  it('gives ties to the lowest centroid', async () => {
    const centroids = matrix([[1], [1], [-1], [-1]]);
    const { labels } = await assignRows(matrix([[2], [0], [-3]]), centroids);
    expect([...labels]).toEqual([0, 0, 2]);
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    await expect(kmeans(blobs(100, 4, 2), { k: 2, signal })).rejects.toThrow(/abort/i);
  });
});
