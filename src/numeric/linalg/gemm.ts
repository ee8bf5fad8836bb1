import type { Matrix } from './matrix.ts';
import { openKernel, type ThreadOptions } from './ort-kernel.ts';

/** Dot products of all rows of one matrix with all rows of another. */
export interface Products {
  /** `rows of a` x `rows of b`, row-major, in single precision. */
  dots(a: Matrix, b: Matrix): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Below this many multiplications a loop here is quicker than a call of the runtime. */
const SMALL = 1 << 14;

/** Opens the kernel of matrix products; release it when done. */
export async function openProducts(options: ThreadOptions = {}): Promise<Products> {
  const kernel = await openKernel(
    [{ op: 'Gemm', inputs: ['a', 'b'], outputs: ['s'], attributes: { transB: 1 } }],
    [
      { name: 'a', type: 'float32', dims: ['m', 'd'] },
      { name: 'b', type: 'float32', dims: ['n', 'd'] },
    ],
    [{ name: 's', type: 'float32', dims: ['m', 'n'] }],
    options,
  );
  return {
    async dots(a, b) {
      if (a.rows * b.rows * a.width <= SMALL) return smallDots(a, b);
      const { s } = await kernel.run({
        a: { data: a.data, dims: [a.rows, a.width] },
        b: { data: b.data, dims: [b.rows, b.width] },
      });
      return s as Float32Array;
    },
    release: () => kernel.release(),
  };
}

function smallDots(a: Matrix, b: Matrix): Float32Array {
  const { width } = a;
  const dots = new Float32Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let t = 0; t < width; t++) sum += a.data[i * width + t]! * b.data[j * width + t]!;
      dots[i * b.rows + j] = sum;
    }
  }
  return dots;
}
