import { type WideColumn, wideOf } from './columns.ts';
import { assignRows, kmeans } from './kmeans/kmeans.ts';
import { type Matrix, squaredDistance, squaredLength } from './linalg/matrix.ts';
import { type Kernel, openKernel, type ThreadOptions } from './linalg/ort-kernel.ts';
import { createRandom } from './philox.ts';

/** The nearest other rows of each row. */
export interface NeighbourTable {
  /** Neighbours a row. */
  k: number;
  /** rows x k, nearest first, ties to the earlier row; -1 where there are fewer. */
  rows: Int32Array;
  /** Squared Euclidean distances, rows x k; Infinity where there is none. */
  squares: Float64Array;
}

export interface NeighbourOptions extends ThreadOptions {
  k: number;
  /** auto: exact up to `EXACT_ROWS` rows. @default auto */
  search?: 'auto' | 'exact' | 'approximate';
  /** Of the clusters that an approximate search looks into. @default 42 */
  seed?: number;
  signal?: AbortSignal | undefined;
  progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Rows up to which an exact search takes seconds. */
const EXACT_ROWS = 20_000;
const QUERY_ROWS = 512;
const CANDIDATE_ROWS = 8192;
/** More candidates than asked for are ranked again in double precision, because single precision confuses near ones. */
const SPARE = 4;
/** Single precision errs by less than this share of the squares that a distance is the difference of. */
const ROUNDING = 1e-4;
/**
 * Cells of an approximate search that are looked into for the rows of one cell, itself among them; fewer where they
 * hold the rows of so many average ones.
 */
const PROBES = 8;
const CELL_ITERATIONS = 10;
const CELL_FIT_ROWS = 64;

/**
 * The k nearest other rows of every row, by Euclidean distance. Exact: all pairs, in blocks. Approximate: k-means into
 * about sqrt(n) cells, and only rows of the nearest cells are compared (an inverted file), up to the rows of 8 average
 * ones; what lies beyond is missed.
 *
 * @param points rows without NaN or infinity
 */
export async function nearestRows(points: WideColumn, options: NeighbourOptions): Promise<NeighbourTable> {
  const { k, search = 'auto' } = options;
  const table: NeighbourTable = {
    k,
    rows: new Int32Array(points.rows * k).fill(-1),
    squares: new Float64Array(points.rows * k).fill(Number.POSITIVE_INFINITY),
  };
  if (k === 0 || points.rows < 2) return table;
  const kernel = await openTopProducts(options);
  try {
    if (search === 'exact' || (search === 'auto' && points.rows <= EXACT_ROWS)) {
      await searchAll(points, table, kernel, options);
    } else await searchCells(points, table, kernel, options);
  } finally {
    await kernel.release();
  }
  return table;
}

/** The best candidates of each query by x . c - |c|^2 / 2, which is largest where the distance is smallest. */
function openTopProducts(options: ThreadOptions): Promise<Kernel> {
  return openKernel(
    [
      { op: 'Gather', inputs: ['queried', 'queries'], outputs: ['x'] },
      { op: 'Gather', inputs: ['searched', 'candidates'], outputs: ['c'] },
      { op: 'Gather', inputs: ['bias', 'candidates'], outputs: ['b'] },
      { op: 'Gemm', inputs: ['x', 'c', 'b'], outputs: ['scores'], attributes: { transB: 1 } },
      { op: 'TopK', inputs: ['scores', 'k'], outputs: ['values', 'indices'], attributes: { axis: 1 } },
      { op: 'Cast', inputs: ['indices'], outputs: ['places'], attributes: { to: 6 } },
    ],
    [
      { name: 'queried', type: 'float32', dims: ['q', 'd'] },
      { name: 'queries', type: 'int32', dims: ['m'] },
      { name: 'searched', type: 'float32', dims: ['s', 'd'] },
      { name: 'candidates', type: 'int32', dims: ['n'] },
      { name: 'bias', type: 'float32', dims: ['s'] },
      { name: 'k', type: 'int64', dims: [1] },
    ],
    [
      { name: 'places', type: 'int32', dims: ['m', 'kept'] },
      { name: 'values', type: 'float32', dims: ['m', 'kept'] },
    ],
    options,
  );
}

/** Some rows of the points. */
interface Part {
  rows: Int32Array;
  /** Vectors of these rows, and maybe of others. */
  matrix: Matrix;
  /** Where each of the rows stands in the matrix. */
  places: Int32Array;
  /** -|c|^2 / 2 of each row of the matrix. */
  bias: Float32Array;
}

const biasOf = (matrix: Matrix): Float32Array =>
  Float32Array.from({ length: matrix.rows }, (_, row) => -squaredLength(matrix, row) / 2);

const countUp = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** Gives parts: what is in memory stays where it is, else the rows are read. */
function openParts(points: WideColumn): (rows: Int32Array) => Promise<Part> {
  const { held } = points;
  if (held !== undefined) {
    const bias = biasOf(held);
    return async (rows) => ({ rows, matrix: held, places: rows, bias });
  }
  return async (rows) => {
    const matrix = await points.gather(rows);
    return { rows, matrix, places: countUp(rows.length), bias: biasOf(matrix) };
  };
}

async function searchAll(
  points: WideColumn,
  table: NeighbourTable,
  kernel: Kernel,
  { signal }: NeighbourOptions,
): Promise<void> {
  const all = countUp(points.rows);
  const part = openParts(points);
  for (let start = 0; start < all.length; start += CANDIDATE_ROWS) {
    const candidates = await part(all.subarray(start, start + CANDIDATE_ROWS));
    for (let first = 0; first < all.length; first += CANDIDATE_ROWS) {
      const queries = first === start ? candidates : await part(all.subarray(first, first + CANDIDATE_ROWS));
      await compare(queries, candidates, table, kernel, signal);
    }
  }
}

async function searchCells(
  points: WideColumn,
  table: NeighbourTable,
  kernel: Kernel,
  options: NeighbourOptions,
): Promise<void> {
  const cells = Math.max(1, Math.round(Math.sqrt(points.rows)));
  const found = await makeCells(points, cells, options);
  const members = membersOf(found.labels, cells);
  const centroids: Matrix = { data: found.centroids, rows: cells, width: points.width };
  const near = await nearestRows(wideOf(centroids), {
    ...options,
    k: Math.min(PROBES - 1, cells - 1),
    search: 'exact',
  });
  const part = openParts(points);
  for (let cell = 0; cell < cells; cell++) {
    options.progress?.(cell, cells, 'nearest neighbours');
    const candidates = [...members[cell]!];
    for (let at = cell * near.k; at < (cell + 1) * near.k && candidates.length * cells < PROBES * points.rows; at++) {
      for (const row of members[near.rows[at]!]!) candidates.push(row);
    }
    const own = await part(Int32Array.from(members[cell]!));
    // Ascending, so that of equal scores the earlier row comes first.
    await compare(own, await part(Int32Array.from(candidates).sort()), table, kernel, options.signal);
  }
}

/** Rows of each cell, ascending. */
function membersOf(labels: Int32Array, cells: number): number[][] {
  const members: number[][] = Array.from({ length: cells }, () => []);
  labels.forEach((cell, row) => {
    members[cell]!.push(row);
  });
  return members;
}

/** k-means into cells, fitted on a sample; points that aren't in memory are assigned a block at a time. */
async function makeCells(
  points: WideColumn,
  k: number,
  { seed = 42, threads, signal }: NeighbourOptions,
): Promise<{ labels: Int32Array; centroids: Float32Array }> {
  const how = {
    k,
    seed,
    niter: CELL_ITERATIONS,
    threads,
    signal,
  };
  const sampleCap = CELL_FIT_ROWS * k;
  if (points.held !== undefined) return kmeans(points.held, { ...how, sampleCap });
  const sample = createRandom(seed, 'neighbours/sample').sample(points.rows, Math.min(points.rows, sampleCap)).sort();
  const { centroids } = await kmeans(await points.gather(sample), how);
  const labels = new Int32Array(points.rows);
  for await (const { start, matrix } of points.blocks()) {
    const found = await assignRows(matrix, { data: centroids, rows: k, width: points.width }, how);
    labels.set(found.labels, start);
  }
  return { labels, centroids };
}

/** Compares some rows with others, and enters what is nearer than what the table has. */
async function compare(
  queries: Part,
  candidates: Part,
  table: NeighbourTable,
  kernel: Kernel,
  signal?: AbortSignal,
): Promise<void> {
  const { matrix, bias } = candidates;
  for (let start = 0; start < candidates.rows.length; start += CANDIDATE_ROWS) {
    const compared = candidates.places.subarray(start, start + CANDIDATE_ROWS);
    const kept = Math.min(compared.length, table.k + 1 + SPARE);
    for (let first = 0; first < queries.rows.length; first += QUERY_ROWS) {
      signal?.throwIfAborted();
      const asked = queries.places.subarray(first, first + QUERY_ROWS);
      const { places, values } = await kernel.run({
        queried: { data: queries.matrix.data, dims: [queries.matrix.rows, matrix.width] },
        queries: { data: asked, dims: [asked.length] },
        searched: { data: matrix.data, dims: [matrix.rows, matrix.width] },
        candidates: { data: compared, dims: [compared.length] },
        bias: { data: bias, dims: [bias.length] },
        k: { data: BigInt64Array.of(BigInt(kept)), dims: [1] },
      });
      for (let i = 0; i < asked.length; i++) {
        const row = queries.rows[first + i]!;
        const square = -2 * queries.bias[asked[i]!]!;
        for (let p = i * kept; p < (i + 1) * kept; p++) {
          const worst = table.squares[(row + 1) * table.k - 1]!;
          // Sorted: what follows is farther still.
          if (square - 2 * values![p]! > worst + ROUNDING * (square + worst)) break;
          const place = start + places![p]!;
          const other = candidates.rows[place]!;
          if (other === row) continue;
          enter(table, row, other, squaredDistance(queries.matrix, asked[i]!, matrix, candidates.places[place]!));
        }
      }
    }
  }
}

/** Sorts one neighbour into a row of the table, by distance and then by row. */
function enter({ k, rows, squares }: NeighbourTable, row: number, other: number, square: number): void {
  const from = row * k;
  let at = from + k - 1;
  const isBefore = (place: number): boolean =>
    square < squares[place]! || (square === squares[place] && other < rows[place]!);
  if (!isBefore(at)) return;
  for (; at > from && isBefore(at - 1); at--) {
    squares[at] = squares[at - 1]!;
    rows[at] = rows[at - 1]!;
  }
  squares[at] = square;
  rows[at] = other;
}
