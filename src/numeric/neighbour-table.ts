import { type WideColumn, wideOf } from './columns.ts';
import { assignRows, kmeans } from './kmeans.ts';
import { type Matrix, squaredDistance } from './matrix.ts';
import { createRandom } from './philox.ts';

import { type Kernel, openKernel, type ThreadOptions } from './runtime.ts';

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
/** Cells of an approximate search that are looked into for the rows of one cell, itself among them. */
const PROBES = 8;
const CELL_ITERATIONS = 10;
const CELL_FIT_ROWS = 64;

/**
 * The k nearest other rows of every row, by Euclidean distance. Exact: all pairs, in blocks. Approximate: k-means into about sqrt(n) cells, and
 * only rows of the 8 nearest cells are compared (an inverted file); what lies beyond is missed.
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
      const all = Int32Array.from({ length: points.rows }, (_, row) => row);
      await searchAmong(points, all, all, table, kernel, options);
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
      { op: 'Gemm', inputs: ['x', 'c', 'b'], outputs: ['scores'], attributes: { transB: 1 } },
      { op: 'TopK', inputs: ['scores', 'k'], outputs: ['values', 'indices'], attributes: { axis: 1 } },
      { op: 'Cast', inputs: ['indices'], outputs: ['places'], attributes: { to: 6 } },
    ],
    [
      { name: 'x', type: 'float32', dims: ['m', 'd'] },
      { name: 'c', type: 'float32', dims: ['n', 'd'] },
      { name: 'b', type: 'float32', dims: ['n'] },
      { name: 'k', type: 'int64', dims: [1] },
    ],
    [{ name: 'places', type: 'int32', dims: ['m', 'kept'] }],
    options,
  );
}

async function searchCells(
  points: WideColumn,
  table: NeighbourTable,
  kernel: Kernel,
  options: NeighbourOptions,
): Promise<void> {
  const cells = Math.max(1, Math.round(Math.sqrt(points.rows)));
  const found = await makeCells(points, cells, options);
  const members: number[][] = Array.from({ length: cells }, () => []);
  found.labels.forEach((cell, row) => {
    members[cell]!.push(row);
  });
  const centroids: Matrix = { data: found.centroids, rows: cells, width: points.width };
  const near = await nearestRows(wideOf(centroids), {
    ...options,
    k: Math.min(PROBES - 1, cells - 1),
    search: 'exact',
  });
  for (const [cell, own] of members.entries()) {
    options.progress?.(cell, cells, 'nearest neighbours');
    if (own.length === 0) continue;
    const probed = [cell, ...near.rows.subarray(cell * near.k, (cell + 1) * near.k)];
    const candidates = probed.flatMap((other) => (other < 0 ? [] : members[other]!)).sort((a, b) => a - b);
    await searchAmong(points, Int32Array.from(own), Int32Array.from(candidates), table, kernel, options);
  }
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
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
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

/** Compares some rows with some candidates, and enters what is nearer than what the table has. */
async function searchAmong(
  points: WideColumn,
  queries: Int32Array,
  candidates: Int32Array,
  table: NeighbourTable,
  kernel: Kernel,
  { signal }: NeighbourOptions,
): Promise<void> {
  for (let start = 0; start < candidates.length; start += CANDIDATE_ROWS) {
    const rows = candidates.subarray(start, start + CANDIDATE_ROWS);
    const block = await points.gather(rows);
    const bias = Float32Array.from({ length: rows.length }, (_, j) => -halfSquare(block, j));
    const kept = Math.min(rows.length, table.k + 1 + SPARE);
    for (let first = 0; first < queries.length; first += QUERY_ROWS) {
      signal?.throwIfAborted();
      const asked = queries.subarray(first, first + QUERY_ROWS);
      const x = await points.gather(asked);
      const { places } = await kernel.run({
        x: { data: x.data, dims: [x.rows, x.width] },
        c: { data: block.data, dims: [block.rows, block.width] },
        b: { data: bias, dims: [bias.length] },
        k: { data: BigInt64Array.of(BigInt(kept)), dims: [1] },
      });
      asked.forEach((row, i) => {
        for (let p = i * kept; p < (i + 1) * kept; p++) {
          const place = places![p]!;
          if (rows[place] !== row) enter(table, row, rows[place]!, squaredDistance(x, i, block, place));
        }
      });
    }
  }
}

function halfSquare({ data, width }: Matrix, row: number): number {
  let sum = 0;
  for (let t = row * width; t < (row + 1) * width; t++) sum += data[t]! * data[t]!;
  return sum / 2;
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
