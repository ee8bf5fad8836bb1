import { centre, gatherRows, type Matrix } from '../linalg/matrix.ts';
import { createRandom, type Random } from '../philox.ts';
import { openAssigner } from './assign.ts';
import { assignRows, candidatesFor, type KMeansOptions, type KMeansResult, kmeans } from './kmeans.ts';
import { initPlusPlus } from './kmeans-init.ts';

export interface MiniBatchOptions extends Pick<KMeansOptions, 'k' | 'seed' | 'threads' | 'signal' | 'progress'> {
  /** Rows a step. */
  batch: number;
  /** Most steps, counted in passes over as many rows as there are. @default 100 */
  epochs?: number;
}

/** Batches of rows that the first centroids are chosen among. */
const INIT_BATCHES = 3;
/** A centroid that has seen less than this share of what the busiest has seen begins anew at a row of the batch. */
const LEAST_SHARE = 0.01;
/** Steps without a better smoothed inertia after which nothing more is expected. */
const PATIENCE = 10;

/**
 * Mini-batch k-means (Sculley 2010): k-means++, then steps that assign `batch` random rows and make each centroid the
 * mean of all rows it has been given so far. For clusterings published with scikit-learn's MiniBatchKMeans, whose rule
 * of stopping it follows; `kmeans` on a sample is about as fast and finds a lower inertia. Rows that fit into one batch
 * are clustered as a whole, by `kmeans`.
 *
 * @param points rows without NaN or infinity, at least k of them
 */
export async function miniBatchKMeans(points: Matrix, options: MiniBatchOptions): Promise<KMeansResult> {
  const { k, batch, epochs = 100, seed = 42, signal, progress } = options;
  if (points.rows <= batch) return kmeans(points, { ...options, niter: epochs });
  const random = createRandom(seed, 'kmeans/mini-batch');
  const most = Math.floor((epochs * points.rows) / batch);
  const assigner = await openAssigner(options);
  try {
    const first = gatherRows(
      points,
      random.sample(points.rows, Math.min(points.rows, Math.max(INIT_BATCHES * batch, k))),
    );
    const spread = centre(first);
    const candidates = candidatesFor(k, first.rows, points.rows);
    const { chosen } = await initPlusPlus(first, spread, { k, random, candidates, threads: options.threads, signal });
    const means = startMeans(gatherRows(first, chosen));
    const labels = new Int32Array(batch);
    const distances = new Float64Array(batch);
    const isDone = openPatience(Math.min(1, (2 * batch) / (points.rows + 1)));
    let steps = 0;
    let sinceRestart = 0;
    while (steps < most) {
      progress?.(steps, most, 'k-means');
      const drawn = gatherRows(
        points,
        Int32Array.from({ length: batch }, () => random.below(points.rows)),
      );
      const { mean, squares } = centre(drawn);
      await assigner.assign(drawn, means.centroids, mean, squares, labels, distances, signal);
      moveMeans(means, drawn, labels);
      sinceRestart += batch;
      if (sinceRestart >= 10 * k || means.seen.includes(0)) {
        sinceRestart = 0;
        restartLate(means, drawn, distances, random);
      }
      if (isDone(distances.reduce((sum, square) => sum + square, 0) / batch, ++steps)) break;
    }
    const { centroids } = means;
    return {
      centroids: centroids.data,
      iterations: steps,
      ...(await assignRows(points, centroids, options, assigner)),
    };
  } finally {
    await assigner.release();
  }
}

/** Centroids as means of all rows they were given. */
interface Means {
  centroids: Matrix;
  sums: Float64Array;
  seen: Float64Array;
}

const startMeans = (centroids: Matrix): Means => ({
  centroids,
  sums: new Float64Array(centroids.data.length),
  seen: new Float64Array(centroids.rows),
});

function moveMeans({ centroids, sums, seen }: Means, { data, width }: Matrix, labels: Int32Array): void {
  labels.forEach((j, row) => {
    seen[j]!++;
    for (let t = 0; t < width; t++) sums[j * width + t]! += data[row * width + t]!;
  });
  for (const j of new Set(labels)) {
    for (let t = j * width; t < (j + 1) * width; t++) centroids.data[t] = sums[t]! / seen[j]!;
  }
}

/**
 * Moves centroids that hardly any row goes to onto rows of the batch, drawn by their squared distance as k-means++
 * does: at most half as many as it has.
 */
function restartLate({ centroids, sums, seen }: Means, drawn: Matrix, distances: Float64Array, random: Random): void {
  const { width } = drawn;
  const least = LEAST_SHARE * seen.reduce((most, count) => Math.max(most, count), 0);
  const late = [...seen.keys()].filter((j) => seen[j]! < least).sort((a, b) => seen[a]! - seen[b]! || a - b);
  const moved = new Set(late.slice(0, drawn.rows >> 1));
  // They count as much as the least of the others, or the next batch would throw them about.
  const count = seen.reduce((lowest, n, j) => (moved.has(j) ? lowest : Math.min(lowest, n)), Number.POSITIVE_INFINITY);
  const weights = distances.slice();
  for (const j of moved) {
    const row = drawByWeight(weights, random);
    if (row < 0) return;
    weights[row] = 0;
    seen[j] = count;
    for (let t = 0; t < width; t++) {
      const value = drawn.data[row * width + t]!;
      centroids.data[j * width + t] = value;
      sums[j * width + t] = count * value;
    }
  }
}

/** A place drawn in proportion to its weight, -1 where all weigh nothing. */
function drawByWeight(weights: Float64Array, random: Random): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  return weights.findIndex((weight) => {
    left -= weight;
    return weight > 0 && left < 0;
  });
}

/**
 * Says when the smoothed inertia a row has not got better for `PATIENCE` steps. The first step, from the starting
 * points, says nothing.
 */
function openPatience(weight: number): (inertia: number, step: number) => boolean {
  let smoothed: number | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  let worse = 0;
  return (inertia, step) => {
    if (step === 1) return false;
    smoothed = smoothed === undefined ? inertia : smoothed * (1 - weight) + inertia * weight;
    worse = smoothed < lowest ? 0 : worse + 1;
    lowest = Math.min(lowest, smoothed);
    return worse >= PATIENCE;
  };
}
