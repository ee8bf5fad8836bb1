import type { WideColumn } from '../../numeric/columns.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';

/** Largest absolute value whose square still fits in single precision sums of thousands of terms. */
const LARGEST = 1e15;

/** Whether a row's vector can be computed with: every value finite and not absurdly large. */
export function finiteRows({ data, width }: Matrix): (row: number) => boolean {
  return (row) => {
    for (let t = row * width; t < (row + 1) * width; t++) if (!(Math.abs(data[t]!) <= LARGEST)) return false;
    return width > 0;
  };
}

/** The same for a column that is read in blocks: 1 for rows that can be computed with. */
export async function wholeRows(column: WideColumn): Promise<Uint8Array> {
  const whole = new Uint8Array(column.rows);
  for await (const { start, matrix } of column.blocks()) {
    const isWhole = finiteRows(matrix);
    for (let i = 0; i < matrix.rows; i++) whole[start + i] = isWhole(i) ? 1 : 0;
  }
  return whole;
}
