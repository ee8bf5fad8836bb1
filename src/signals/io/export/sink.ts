import type { OutputGuard } from '../../../base/files/output-guard.ts';
import type { Column, ColumnBlock } from '../../../numeric/columns.ts';

/** A column of the file: what it is called there and how its values look. */
export interface ExportedColumn {
  name: string;
  kind: Column['kind'];
  width: number;
}

/** A file that takes blocks of consecutive rows and appears whole, or not at all. */
export interface ValueSink {
  write(block: ColumnBlock, ids: readonly string[]): Promise<void>;
  commit(guard: OutputGuard): Promise<void>;
  abort(): Promise<void>;
}

/** The value of one row as JSON has it: null for NaN, what is infinite as text. */
export function jsonValue(column: Column, row: number): unknown {
  if (column.kind === 'text') return column.data[row] ?? null;
  if (column.kind === 'i32') return column.data[row];
  if (column.kind === 'list') return numbers(column.data.subarray(column.offsets[row]!, column.offsets[row + 1]!));
  if (column.width === 1) return number(column.data[row]!);
  const vector = column.data.subarray(row * column.width, (row + 1) * column.width);
  return vector.every(Number.isNaN) ? null : numbers(vector);
}

function numbers(values: Float32Array): unknown[] {
  return Array.from(values, number);
}

/** Nine digits give a float32 back exactly. */
function number(value: number): number | string | null {
  if (Number.isNaN(value)) return null;
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : String(value);
}
