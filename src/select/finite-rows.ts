import type { Matrix } from '../numeric/matrix.ts';

/** Largest absolute value whose square still fits in single precision sums of thousands of terms. */
const LARGEST = 1e15;

/** Whether a row's vector can be computed with: every value finite and not absurdly large. */
export function finiteRows({ data, width }: Matrix): (row: number) => boolean {
  return (row) => {
    for (let t = row * width; t < (row + 1) * width; t++) if (!(Math.abs(data[t]!) <= LARGEST)) return false;
    return width > 0;
  };
}
