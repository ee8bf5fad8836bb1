import type { Column, ColumnBlock } from '../../../numeric/columns.ts';
import type { ColumnRecord } from '../../../store/shard-file.ts';

/** What happens to ids that don't fit the data set. */
export interface IdRules {
  /** Rows that the file has no values for. `nan`: NaN, null or an empty list. */
  missing: 'error' | 'nan';
  /** Ids that the data set doesn't have. */
  unknown: 'error' | 'ignore';
  /** Ids that stand in the file several times. */
  duplicates: 'error' | 'first';
}

/** A file of values, opened and checked against a data set. */
export interface ValueFile extends AsyncDisposable {
  columns: ColumnRecord[];
  /** Rows of the data set that the file has values for. */
  measured: number;
  /** Rows of the data set without a value; those that can't be read don't count. */
  missing: number;
  unknown: number;
  duplicates: number;
  /** The values of consecutive stretches of rows, in their order. */
  blocks(stretches: readonly { start: number; end: number }[]): AsyncIterable<ColumnBlock>;
}

/** A column of a stretch of rows while it is filled; what is never set stays NaN, null or an empty list. */
export interface ColumnFill {
  /** @param value a number, a text, or the numbers of a vector or list */
  set(row: number, value: number | string | Float32Array): void;
  column(): Column;
}

/** @param rows of the stretch */
export function fillColumn({ kind, width }: ColumnRecord, rows: number): ColumnFill {
  if (kind === 'text') {
    const data = new Array<string | null>(rows).fill(null);
    return { set: (row, value) => (data[row] = String(value)), column: () => ({ kind, width: 1, data }) };
  }
  if (kind === 'i32') {
    const data = new Int32Array(rows);
    return { set: (row, value) => (data[row] = Number(value)), column: () => ({ kind, width: 1, data }) };
  }
  if (kind === 'list') {
    const lists = new Array<Float32Array>(rows).fill(new Float32Array());
    return { set: (row, value) => (lists[row] = value as Float32Array), column: () => ragged(lists) };
  }
  const data = new Float32Array(rows * width).fill(Number.NaN);
  return {
    set: (row, value) => {
      if (width === 1) data[row] = Number(value);
      else data.set(value as Float32Array, row * width);
    },
    column: () => ({ kind: 'f32', width, data }),
  };
}

function ragged(lists: readonly Float32Array[]): Column {
  const offsets = new Uint32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + list.length;
  const data = new Float32Array(offsets[lists.length]!);
  for (const [row, list] of lists.entries()) data.set(list, offsets[row]!);
  return { kind: 'list', width: 1, offsets, data };
}
