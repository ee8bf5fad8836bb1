import { type Column, type WideColumn, wideOf } from '../../numeric/columns.ts';
import { gatherRows } from '../../numeric/linalg/matrix.ts';
import type { Selection, SelectorInput } from '../selector.ts';

/** The pool of the given rows (ascending) alone, as though the data set held no others: row i of it is `rows[i]`. */
export function subPool(input: SelectorInput, rows: Int32Array): SelectorInput {
  const { columns, wide, reference, textOnly, source } = input;
  return {
    rows: rows.length,
    columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, takeRows(column, rows)])),
    wide:
      wide === undefined
        ? undefined
        : Object.fromEntries(Object.entries(wide).map(([name, column]) => [name, takeBlocks(column, rows)])),
    reference,
    textOnly: textOnly === undefined ? undefined : Uint8Array.from(rows, (row) => textOnly[row]!),
    source: source === undefined ? undefined : Array.from(rows, (row) => source[row]!),
  };
}

/**
 * A selection from {@link subPool} in rows of the whole pool; `reasons` and `clusters` stay one a row of the sub-pool.
 */
export function fromSubPool(selection: Selection, rows: Int32Array): Selection {
  return {
    ...selection,
    kept: selection.kept.map((i) => rows[i]!),
    reasons: selection.reasons.map((reason) => ({ ...reason, row: rows[reason.row]! })),
  };
}

function takeRows(column: Column, rows: Int32Array): Column {
  if (column.kind === 'text') return { ...column, data: Array.from(rows, (row) => column.data[row]!) };
  if (column.kind === 'i32') return { ...column, data: Int32Array.from(rows, (row) => column.data[row]!) };
  if (column.kind === 'f32') return { ...column, data: takeVectors(column.data, column.width, rows, 0) };
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => {
    offsets[i + 1] = offsets[i]! + column.offsets[row + 1]! - column.offsets[row]!;
  });
  const data = new Float32Array(offsets[rows.length]!);
  rows.forEach((row, i) => {
    data.set(column.data.subarray(column.offsets[row]!, column.offsets[row + 1]!), offsets[i]!);
  });
  return { ...column, offsets, data };
}

/** The listed rows of a column, ascending, as a column of their own. */
export function takeBlocks(column: WideColumn, rows: Int32Array): WideColumn {
  const { width, held } = column;
  if (rows.length === column.rows) return column;
  if (held !== undefined) return wideOf(gatherRows(held, rows));
  return {
    rows: rows.length,
    width,
    async *blocks() {
      let start = 0;
      for await (const block of column.blocks()) {
        let end = start;
        while (end < rows.length && rows[end]! < block.start + block.matrix.rows) end++;
        if (end === start) continue;
        const data = takeVectors(block.matrix.data, width, rows.subarray(start, end), block.start);
        yield { start, matrix: { data, rows: end - start, width } };
        start = end;
      }
    },
    gather: (listed) => column.gather(Int32Array.from(listed, (i) => rows[i]!)),
  };
}

function takeVectors(data: Float32Array, width: number, rows: Int32Array, first: number): Float32Array {
  const taken = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    taken.set(data.subarray((row - first) * width, (row - first + 1) * width), i * width);
  });
  return taken;
}
