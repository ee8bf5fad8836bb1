import { gatherRows, type Matrix, rowRange } from './linalg/matrix.ts';

/** A dense numeric column of fixed width: row-major, `data[row * width + j]`. Missing values are NaN. */
export interface FloatColumn {
  kind: 'f32';
  width: number;
  data: Float32Array;
}

export interface IntColumn {
  kind: 'i32';
  width: 1;
  data: Int32Array;
}

export interface TextColumn {
  kind: 'text';
  width: 1;
  data: (string | null)[];
}

/** Ragged numbers, e.g. one loss per response token. `offsets` has rows + 1 entries into `data`. */
export interface ListColumn {
  kind: 'list';
  width: 1;
  offsets: Uint32Array;
  data: Float32Array;
}

export type Column = FloatColumn | IntColumn | TextColumn | ListColumn;

/** Rows `start .. start + matrix.rows - 1` of a column of vectors. */
export interface VectorBlock {
  start: number;
  matrix: Matrix;
}

/** A column of vectors that may be larger than memory. */
export interface WideColumn {
  rows: number;
  width: number;
  /** The whole of it, where it is in memory. */
  held?: Matrix;
  /** All rows in blocks of consecutive ones, from the first to the last, as often as it is asked for. */
  blocks(): AsyncIterable<VectorBlock>;
  /** The listed rows, in their order; the caller sees to it that they fit in memory. */
  gather(rows: ArrayLike<number>): Promise<Matrix>;
}

/** Rows a block of a column that is in memory already; a block is a view, not a copy. */
const BLOCK_ROWS = 4096;

/** A matrix as a column that could be larger. */
export function wideOf(matrix: Matrix): WideColumn {
  const { rows, width } = matrix;
  return {
    rows,
    width,
    held: matrix,
    async *blocks() {
      for (let start = 0; start < rows; start += BLOCK_ROWS) {
        yield { start, matrix: rowRange(matrix, start, Math.min(BLOCK_ROWS, rows - start)) };
      }
    },
    gather: async (listed) => gatherRows(matrix, listed),
  };
}

/**
 * A column whose rows are changed, at once where it is in memory, else as they are read. @param change gives as many
 * rows of the same width
 */
export function mapRows(column: WideColumn, change: (matrix: Matrix) => Matrix): WideColumn {
  const { rows, width, held } = column;
  if (held !== undefined) return wideOf(change(held));
  return {
    rows,
    width,
    async *blocks() {
      for await (const { start, matrix } of column.blocks()) yield { start, matrix: change(matrix) };
    },
    gather: async (listed) => change(await column.gather(listed)),
  };
}

/** Named columns of equal length; row i of each is row `start + i` of the data set. */
export interface ColumnBlock {
  start: number;
  rows: number;
  columns: Record<string, Column>;
}

/** How a column is declared before it exists. */
export interface ColumnSpec {
  name: string;
  /** `f16`: an `f32` column that the worker stores in half the room. */
  kind: Column['kind'] | 'f16';
  /** Fixed width of an `f32` column; 0 when it's known only from the model (an embedding). @default 1 */
  width?: number;
  /** One sentence with the unit: `mean response loss with the image, nats/token`. */
  measures: string;
}

/** Ragged column of per-row arrays; a missing array is an empty list. */
export function listColumn(rows: readonly (Float32Array | undefined)[]): ListColumn {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    offsets[i + 1] = offsets[i]! + (row?.length ?? 0);
  });
  const data = new Float32Array(offsets[rows.length]!);
  rows.forEach((row, i) => {
    if (row !== undefined) data.set(row, offsets[i]!);
  });
  return { kind: 'list', width: 1, offsets, data };
}
