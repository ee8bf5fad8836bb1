import { WinnowError } from '../../base/errors.ts';
import { type Column, type WideColumn, wideOf } from '../../numeric/columns.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import type { SelectorInput } from '../selector.ts';

function find(input: SelectorInput, name: string): Column {
  const column = input.columns[name];
  if (column === undefined) {
    throw new WinnowError({
      code: 'COLUMN_MISSING',
      message: `The selection needs the column \`${name}\`, which is not there (there are: ${Object.keys(input.columns).join(', ') || 'none'}).`,
      hint: 'Score the signal that has it first, or name another column.',
    });
  }
  return column;
}

function wrongKind(name: string, column: Column, wanted: string): WinnowError {
  return new WinnowError({
    code: 'COLUMN_KIND',
    message: `The column \`${name}\` holds ${column.kind} x ${column.width}, but ${wanted} is needed.`,
    hint: 'Name another column.',
    exitCode: 2,
  });
}

function checkLength(name: string, length: number, rows: number): void {
  if (length === rows) return;
  throw new WinnowError({
    code: 'COLUMN_LENGTH',
    message: `The column \`${name}\` has ${length} rows, but the pool has ${rows}.`,
    hint: 'Score the signal again for the whole data set.',
  });
}

/** A column with one number a row. */
export function scalarColumn(input: SelectorInput, name: string): Float32Array | Int32Array {
  const column = find(input, name);
  if ((column.kind !== 'f32' && column.kind !== 'i32') || column.width !== 1) {
    throw wrongKind(name, column, 'one number a row');
  }
  checkLength(name, column.data.length, input.rows);
  return column.data;
}

/** A column of vectors, such as an embedding. */
export function vectorColumn(input: SelectorInput, name: string): Matrix {
  const column = find(input, name);
  if (column.kind !== 'f32') throw wrongKind(name, column, 'a vector a row');
  checkLength(name, column.width === 0 ? 0 : column.data.length / column.width, input.rows);
  return { data: column.data, rows: input.rows, width: column.width };
}

/** A column of texts. */
export function textColumn(input: SelectorInput, name: string): readonly (string | null)[] {
  const column = find(input, name);
  if (column.kind !== 'text') throw wrongKind(name, column, 'a text a row');
  checkLength(name, column.data.length, input.rows);
  return column.data;
}

/** A column of vectors that may be larger than memory, whether it is in memory or read as it goes. */
export function wideColumn(input: SelectorInput, name: string): WideColumn {
  const streamed = input.wide?.[name];
  if (streamed === undefined) return wideOf(vectorColumn(input, name));
  checkLength(name, streamed.rows, input.rows);
  return streamed;
}

/** The second data set of a method that needs one. @throws WinnowError `REFERENCE_MISSING` */
export function referenceOf(input: SelectorInput, method: string): SelectorInput {
  if (input.reference !== undefined && input.reference.rows > 0) return input.reference;
  throw new WinnowError({
    code: 'REFERENCE_MISSING',
    message: `${method} compares the pool with samples of a target, and there are none.`,
    hint: 'Import the target as a second data set, measure the same columns for it, and give --reference NAME.',
    exitCode: 2,
  });
}

/** Groups of rows by a label: `groups[i]` is the index of row i's label in `labels`, -1 where it has none. */
export interface Groups {
  groups: Int32Array;
  /** Distinct labels, sorted. */
  labels: (number | string)[];
}

/** A column of labels: integers, numbers or texts, in any numbering. */
export function labelColumn(input: SelectorInput, name: string): Groups {
  const column = find(input, name);
  if (column.kind === 'list' || column.width !== 1) throw wrongKind(name, column, 'one label a row');
  checkLength(name, column.data.length, input.rows);
  return groupBy(
    [...column.data].map((label) => (typeof label === 'number' && !Number.isFinite(label) ? null : label)),
  );
}

/** Numbers the distinct labels in their order (numbers by value, then texts); null is no label. */
export function groupBy(values: readonly (number | string | null)[]): Groups {
  const distinct = [...new Set(values)].filter((label) => label !== null);
  const labels = distinct.sort((a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === 'number' ? -1 : 1;
  });
  const index = new Map(labels.map((label, i) => [label, i]));
  return { groups: Int32Array.from(values, (label) => (label === null ? -1 : index.get(label)!)), labels };
}
