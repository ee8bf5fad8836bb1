import { centre, gatherRows, type Matrix } from '../linalg/matrix.ts';
import type { ThreadOptions } from '../linalg/ort-kernel.ts';
import { createRandom, type Random } from '../philox.ts';
import { openTopK } from '../topk.ts';
import { type Assigner, openAssigner } from './assign.ts';
import { type BoundedAssigner, canBound, openBounded } from './assign-bounded.ts';
import { narrowAssigner } from './assign-narrow.ts';
import { type CentroidSums, emptySums, moveRow, updateSums } from './centroid-sums.ts';
import { initPlusPlus } from './kmeans-init.ts';
import { type Assignment, assignListed, reassign } from './reassign.ts';

export interface KMeansOptions extends ThreadOptions {
  /** Number of clusters, at most the number of rows. */
  k: number;
  /** @default 42 */
  seed?: number;
  /** Most Lloyd iterations. @default 25 */
  niter?: number;
  /** Independent starts; the one with the lowest inertia counts. @default 1 */
  nredo?: number;
  /**
   * Stop when the centroids' squared movement is at most this share of the data's mean variance; 0: only when no row
   * moves. @default 1e-4
   */
  tolerance?: number;
  /**
   * Fit on at most this many rows, drawn at random, and assign the rest afterwards (faiss: 256 k). @default Infinity
   */
  sampleCap?: number;
  /** Scale centroids to length 1 after each update, so that rows of length 1 are clustered by cosine. @default false */
  spherical?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
}

export interface KMeansResult {
  /** Cluster of each row, 0 .. k-1; a cluster can be empty. */
  labels: Int32Array;
  /** k x width. */
  centroids: Float32Array;
  /** Sum over all rows of the squared distance to their centroid. */
  inertia: number;
  /** Iterations of the start that counted. */
  iterations: number;
  sizes: Int32Array;
  /** Squared distance of each row to its centroid. */
  distances: Float64Array;
}

/**
 * Rows a centroid that k-means++ looks at: with more the result is hardly better (inertia within 0.3 %), and reading
 * all rows k times would cost more than the clustering.
 */
const INIT_ROWS_PER_CENTROID = 16;
const LEAST_INIT_ROWS = 4096;
/** A sample of nearly all rows costs a copy of them, and saves hardly anything. */
const LARGE_SAMPLE = 0.8;
/**
 * Most comparisons that choosing the first centroids may take, in iterations of all rows; but this many pairs of a row
 * and a candidate take no time.
 */
const INIT_ITERATIONS = 4;
const QUICK_PAIRS = 2 ** 27;

/**
 * Rows of at most this many numbers, and at least as many centroids, are compared along an axis: the scores of a matrix
 * product would cost more than the product.
 */
const NARROW = 16;
const MANY = 64;

/**
 * The first iteration whose bounds tell how alike rows are, and the share of comparisons above which they aren't alike
 * enough for bounds to pay.
 */
const FIRST_BOUNDED = 2;
const WORTH_BOUNDS = 0.8;

/** Values up to here can be clustered: their squared distances stay far from the end of f32. */
export const LARGEST_CLUSTERABLE = 1e15;

/**
 * k-means: k-means++ and Lloyd's iterations, with f32 data, f64 sums and ties to the lowest cluster. Equal seeds give
 * equal results whatever the number of threads. An empty cluster takes the row farthest from its centroid.
 *
 * @throws RangeError if k is no integer of 1 .. rows, or a row holds NaN, infinity, or a value beyond
 * `LARGEST_CLUSTERABLE`
 */
export async function kmeans(points: Matrix, options: KMeansOptions): Promise<KMeansResult> {
  const { k, seed = 42, nredo = 1, sampleCap = Number.POSITIVE_INFINITY } = options;
  checkShape(points, k);
  const assigner = points.width <= NARROW && k >= MANY ? narrowAssigner() : await openAssigner(options);
  try {
    const isSampled = points.rows > Math.max(sampleCap, k);
    const fitted = isSampled
      ? gatherRows(points, drawSorted(points.rows, Math.max(sampleCap, k), createRandom(seed, 'kmeans/sample')))
      : points;
    const spread = checkedCentre(fitted);
    let best: KMeansResult | undefined;
    for (let redo = 0; redo < nredo; redo++) {
      const random = createRandom(seed, `kmeans/start/${redo}`);
      const result = await lloyd(fitted, spread, assigner, random, options);
      if (best === undefined || result.inertia < best.inertia) best = result;
    }
    const fit = best as KMeansResult;
    if (!isSampled) return fit;
    const rest = await assignRows(points, { data: fit.centroids, rows: k, width: points.width }, options, assigner);
    return { ...fit, ...rest };
  } finally {
    await assigner.release();
  }
}

/** Assigns every row to its nearest centroid (squared Euclidean distance, ties to the lowest). */
export async function assignRows(
  points: Matrix,
  centroids: Matrix,
  options: ThreadOptions & { signal?: AbortSignal } = {},
  opened?: Assigner,
): Promise<Pick<KMeansResult, 'labels' | 'distances' | 'sizes' | 'inertia'>> {
  const assigner = opened ?? (await openAssigner(options));
  try {
    const { mean, squares } = checkedCentre(points);
    const labels = new Int32Array(points.rows);
    const distances = new Float64Array(points.rows);
    await assigner.assign(points, centroids, mean, squares, labels, distances, options.signal);
    return { labels, distances, sizes: countLabels(labels, centroids.rows), inertia: total(distances) };
  } finally {
    if (opened === undefined) await assigner.release();
  }
}

function checkShape(points: Matrix, k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > points.rows) {
    throw new RangeError(`k-means needs between 1 and ${points.rows} clusters for ${points.rows} rows, got ${k}.`);
  }
}

function checkedCentre(points: Matrix): ReturnType<typeof centre> {
  const spread = centre(points);
  const row = spread.squares.findIndex((square) => !(square < 1e36));
  if (row < 0) return spread;
  // One bad value spoils the mean, and with it every row's distance: name the row that holds it.
  const at = points.data.findIndex((value) => !(Math.abs(value) <= LARGEST_CLUSTERABLE));
  const named = at < 0 ? row : Math.floor(at / points.width);
  throw new RangeError(
    `k-means got a missing, infinite or huge value in row ${named}. Leave such rows out before clustering.`,
  );
}

const drawSorted = (rows: number, count: number, random: Random): Int32Array => random.sample(rows, count).sort();

async function lloyd(
  points: Matrix,
  { mean, squares }: { mean: Float64Array; squares: Float64Array },
  assigner: Assigner,
  random: Random,
  options: KMeansOptions,
): Promise<KMeansResult> {
  const { k, niter = 25, tolerance = 1e-4, spherical = false, signal, progress } = options;
  const { rows, width } = points;
  const { centroids, found } = await firstCentroids(points, { mean, squares }, assigner, random, options);
  const { labels, distances } = found;
  const state = emptySums(rows, k, width);
  const isMoved = new Uint8Array(k);
  let bounded: BoundedAssigner | undefined;
  if (width > NARROW && canBound(k)) {
    bounded = await openBounded(points, { mean, squares }, centroids, found, assigner, options);
  }
  const assign = async (): Promise<void> => {
    if (bounded === undefined) {
      return reassign(points, centroids, isMoved, { mean, squares }, assigner, found, signal);
    }
    const pairs = await bounded.assign(centroids, signal);
    if (iterations < FIRST_BOUNDED || pairs < WORTH_BOUNDS * rows * k) return;
    await bounded.release();
    bounded = undefined;
  };
  const stopBelow = (tolerance * total(squares)) / rows / width;

  let iterations = 0;
  let isSettled = false;
  try {
    while (iterations < niter && !isSettled) {
      progress?.(iterations, niter, 'k-means');
      if (iterations > 0) await assign();
      iterations++;
      const moved = updateSums(state, points, labels) + refillEmpty(state, points, labels, distances);
      const shift = moveCentroids(state, centroids, spherical, isMoved);
      isSettled = moved === 0 || (tolerance > 0 && shift <= stopBelow);
    }
    await assign();
  } finally {
    await bounded?.release();
  }
  return {
    labels,
    centroids: centroids.data,
    inertia: total(distances),
    iterations,
    sizes: countLabels(labels, k),
    distances,
  };
}

/** The first centroids, and the nearest of them to each row: most rows know theirs from the choice. */
async function firstCentroids(
  points: Matrix,
  spread: { mean: Float64Array; squares: Float64Array },
  assigner: Assigner,
  random: Random,
  { k, spherical = false, threads, signal }: KMeansOptions,
): Promise<{ centroids: Matrix; found: Assignment }> {
  const cap = Math.max(LEAST_INIT_ROWS, INIT_ROWS_PER_CENTROID * k);
  const drawn = cap < LARGE_SAMPLE * points.rows ? drawSorted(points.rows, cap, random) : undefined;
  const looked = drawn === undefined ? points : gatherRows(points, drawn);
  const candidates = candidatesFor(k, looked.rows, points.rows);
  const around = drawn === undefined ? spread : centre(looked);
  const { chosen, found: seen } = await initPlusPlus(looked, around, { k, random, candidates, threads, signal });
  const centroids = gatherRows(looked, chosen);
  if (spherical) for (let j = 0; j < k; j++) scaleToUnit(centroids, j);
  if (drawn === undefined) return { centroids, found: seen };

  const found = { labels: new Int32Array(points.rows).fill(-1), distances: new Float64Array(points.rows) };
  const enter = (row: number, label: number, distance: number): void => {
    found.labels[row] = label;
    found.distances[row] = distance;
  };
  drawn.forEach((row, i) => {
    enter(row, seen.labels[i]!, seen.distances[i]!);
  });
  const others = [...found.labels.keys()].filter((row) => found.labels[row] === -1);
  await assignListed(points, others, centroids, spread, assigner, enter, signal);
  return { centroids, found };
}

/**
 * Rows that compete for each first centroid: 2 + ln k, as scikit-learn has it, but fewer where that would take long.
 */
export function candidatesFor(k: number, looked: number, rows: number): number {
  const affordable = Math.floor(Math.max(INIT_ITERATIONS * rows, QUICK_PAIRS / k) / looked);
  return Math.max(1, Math.min(2 + Math.floor(Math.log(k)), affordable));
}

/**
 * Empty clusters, in their order, take the rows that lie farthest from their centroids, out of clusters with more than
 * one. Returns how many rows moved.
 */
function refillEmpty(state: CentroidSums, points: Matrix, labels: Int32Array, distances: Float64Array): number {
  const empty = [...state.counts.keys()].filter((j) => state.counts[j] === 0);
  if (empty.length === 0) return 0;
  const farthest = openTopK(empty.length);
  for (let i = 0; i < labels.length; i++) if (distances[i]! > 0) farthest.push(i, distances[i]!);
  let moved = 0;
  for (const row of farthest.rows()) {
    if (state.counts[labels[row]!]! <= 1) continue;
    const cluster = empty[moved++]!;
    moveRow(state, points, row, cluster);
    labels[row] = cluster;
  }
  return moved;
}

/**
 * New centroids from the sums, and which of them have moved; an empty cluster stays where it is. Returns the sum of
 * squared movements.
 */
function moveCentroids(state: CentroidSums, centroids: Matrix, spherical: boolean, isMoved: Uint8Array): number {
  const { data, rows: k, width } = centroids;
  isMoved.fill(0);
  let shift = 0;
  for (let j = 0; j < k; j++) {
    const count = state.counts[j]!;
    if (count === 0 || state.isChanged[j] === 0) continue;
    const before = data.slice(j * width, (j + 1) * width);
    for (let t = 0; t < width; t++) data[j * width + t] = state.sums[j * width + t]! / count;
    if (spherical) scaleToUnit(centroids, j);
    for (let t = 0; t < width; t++) {
      const move = data[j * width + t]! - before[t]!;
      if (move !== 0) isMoved[j] = 1;
      shift += move * move;
    }
  }
  state.isChanged.fill(0);
  return shift;
}

function scaleToUnit({ data, width }: Matrix, row: number): void {
  const values = data.subarray(row * width, (row + 1) * width);
  let square = 0;
  for (const value of values) square += value * value;
  const length = Math.sqrt(square);
  if (length > 0) for (let t = 0; t < width; t++) values[t]! /= length;
}

function countLabels(labels: Int32Array, k: number): Int32Array {
  const sizes = new Int32Array(k);
  for (const label of labels) sizes[label]!++;
  return sizes;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
