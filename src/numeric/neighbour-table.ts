import { type WideColumn, wideOf } from './columns.ts';
import { assignRows, kmeans } from './kmeans.ts';
import { type Matrix, rowRange, squaredDistance } from './matrix.ts';
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
/** Single precision errs by less than this share of the squares that a distance is the difference of. */
const ROUNDING = 1e-4;
/** Cells of an approximate search that are looked into for the rows of one cell, itself among them; fewer where they hold the rows of so many average ones. */
const PROBES = 8;
const CELL_ITERATIONS = 10;
const CELL_FIT_ROWS = 64;

/**
 * The k nearest other rows of every row, by Euclidean distance. Exact: all pairs, in blocks. Approximate: k-means into about sqrt(n) cells, and
 * only rows of the nearest cells are compared (an inverted file), up to the rows of 8 average ones; what lies beyond is missed.
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
    [
      { name: 'places', type: 'int32', dims: ['m', 'kept'] },
      { name: 'values', type: 'float32', dims: ['m', 'kept'] },
    ],
    options,
  );
}

/** Rows of the points, with -|c|^2 / 2 of each. */
interface Part {
  rows: Int32Array;
  matrix: Matrix;
  bias: Float32Array;
}

async function gatherPart(points: WideColumn, rows: Int32Array): Promise<Part> {
  const matrix = await points.gather(rows);
  return { rows, matrix, bias: Float32Array.from({ length: rows.length }, (_, j) => -halfSquare(matrix, j)) };
}

/** Rows `start` .. `end - 1` of a part, without a copy. */
function slicePart({ rows, matrix, bias }: Part, start: number, end: number): Part {
  const last = Math.min(end, rows.length);
  return {
    rows: rows.subarray(start, last),
    matrix: rowRange(matrix, start, last - start),
    bias: bias.subarray(start, last),
  };
}

async function searchAll(
  points: WideColumn,
  table: NeighbourTable,
  kernel: Kernel,
  { signal }: NeighbourOptions,
): Promise<void> {
  const all = Int32Array.from({ length: points.rows }, (_, row) => row);
  for (let start = 0; start < all.length; start += CANDIDATE_ROWS) {
    const candidates = await gatherPart(points, all.subarray(start, start + CANDIDATE_ROWS));
    for (let first = 0; first < all.length; first += CANDIDATE_ROWS) {
      const isSame = first === start;
      const queries = isSame ? candidates : await gatherPart(points, all.subarray(first, first + CANDIDATE_ROWS));
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
  const ends = new Int32Array(cells);
  for (const cell of found.labels) ends[cell]!++;
  for (let cell = 1; cell < cells; cell++) ends[cell]! += ends[cell - 1]!;
  const startOf = (cell: number): number => ends[cell - 1] ?? 0;
  const byCell = Int32Array.from(found.labels.keys()).sort((a, b) => found.labels[a]! - found.labels[b]! || a - b);
  // In memory the rows of a cell are laid side by side once; else they are read whenever a cell is looked into.
  const laid = points.held === undefined ? undefined : await gatherPart(points, byCell);
  const part = async (cell: number): Promise<Part> =>
    laid === undefined
      ? gatherPart(points, byCell.subarray(startOf(cell), ends[cell]))
      : slicePart(laid, startOf(cell), ends[cell]!);
  const centroids: Matrix = { data: found.centroids, rows: cells, width: points.width };
  const near = await nearestRows(wideOf(centroids), {
    ...options,
    k: Math.min(PROBES - 1, cells - 1),
    search: 'exact',
  });
  for (let cell = 0; cell < cells; cell++) {
    options.progress?.(cell, cells, 'nearest neighbours');
    const own = await part(cell);
    await compare(own, own, table, kernel, options.signal);
    let probed = own.rows.length;
    for (let at = cell * near.k; at < (cell + 1) * near.k && probed * cells < PROBES * points.rows; at++) {
      const other = await part(near.rows[at]!);
      await compare(own, other, table, kernel, options.signal);
      probed += other.rows.length;
    }
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

/** Compares some rows with others, and enters what is nearer than what the table has. */
async function compare(
  queries: Part,
  candidates: Part,
  table: NeighbourTable,
  kernel: Kernel,
  signal?: AbortSignal,
): Promise<void> {
  for (let start = 0; start < candidates.rows.length; start += CANDIDATE_ROWS) {
    const { rows, matrix, bias } = slicePart(candidates, start, start + CANDIDATE_ROWS);
    const kept = Math.min(rows.length, table.k + 1 + SPARE);
    for (let first = 0; first < queries.rows.length; first += QUERY_ROWS) {
      signal?.throwIfAborted();
      const x = slicePart(queries, first, first + QUERY_ROWS);
      const { places, values } = await kernel.run({
        x: { data: x.matrix.data, dims: [x.matrix.rows, x.matrix.width] },
        c: { data: matrix.data, dims: [matrix.rows, matrix.width] },
        b: { data: bias, dims: [bias.length] },
        k: { data: BigInt64Array.of(BigInt(kept)), dims: [1] },
      });
      for (let i = 0; i < x.rows.length; i++) {
        const row = x.rows[i]!;
        const square = -2 * x.bias[i]!;
        for (let p = i * kept; p < (i + 1) * kept; p++) {
          const worst = table.squares[(row + 1) * table.k - 1]!;
          // Sorted: what follows is farther still.
          if (square - 2 * values![p]! > worst + ROUNDING * (square + worst)) break;
          const place = places![p]!;
          if (rows[place] !== row) enter(table, row, rows[place]!, squaredDistance(x.matrix, i, matrix, place));
        }
      }
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
