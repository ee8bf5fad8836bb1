import type { RgbImage } from '../types.ts';

/** Filters by Pillow's numbers (`PIL.Image.Resampling`), as processor configurations write them. */
export type ResampleFilter = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box' | 'hamming';

const BY_NUMBER: readonly ResampleFilter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/**
 * The filter of Pillow's number (0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box, 5 hamming); undefined for others.
 */
export function resampleFilter(number: number): ResampleFilter | undefined {
  return BY_NUMBER[number];
}

interface Kernel {
  /** Half width in source pixels at scale 1. */
  support: number;
  weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Keys' cubic with a = -0.5, in the order of operations that Pillow uses. */
function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

const KERNELS: Record<Exclude<ResampleFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => {
      const t = Math.abs(x) * Math.PI;
      if (t === 0) return 1;
      return t >= Math.PI ? 0 : (Math.sin(t) / t) * (0.54 + 0.46 * Math.cos(t));
    },
  },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fixed-point position of the weights: 8 bits of pixel and 2 of overshoot are left of 32. */
const PRECISION_BITS = 32 - 8 - 2;
const HALF = 1 << (PRECISION_BITS - 1);

interface Axis {
  /** First source pixel of every output pixel. */
  first: Int32Array;
  /** Number of source pixels of every output pixel. */
  count: Int32Array;
  /** Weights in fixed point, `stride` slots for every output pixel. */
  weights: Int32Array;
  stride: number;
}

/** Weights of one axis: the filter is widened by the scale when shrinking (antialias), and normalised to sum 1. */
function axisWeights(from: number, to: number, kernel: Kernel): Axis {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  const raw = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const n = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const w = kernel.weight((k + start - center + 0.5) * inverse);
      raw[k] = w;
      sum += w;
    }
    for (let k = 0; k < n; k++) {
      const w = (sum === 0 ? raw[k]! : raw[k]! / sum) * (1 << PRECISION_BITS);
      weights[i * stride + k] = Math.trunc(w < 0 ? w - 0.5 : w + 0.5);
    }
    first[i] = start;
    count[i] = n;
  }
  return { first, count, weights, stride };
}

function horizontal(source: Uint8Array, width: number, rows: number, to: number, axis: Axis): Uint8Array {
  const out = new Uint8ClampedArray(rows * to * 3);
  const { first, count, weights, stride } = axis;
  for (let y = 0; y < rows; y++) {
    const row = y * width * 3;
    let o = y * to * 3;
    for (let x = 0; x < to; x++) {
      let p = row + first[x]! * 3;
      let w = x * stride;
      const end = w + count[x]!;
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (; w < end; w++) {
        const k = weights[w]!;
        r = (r + Math.imul(source[p]!, k)) | 0;
        g = (g + Math.imul(source[p + 1]!, k)) | 0;
        b = (b + Math.imul(source[p + 2]!, k)) | 0;
        p += 3;
      }
      out[o] = r >> PRECISION_BITS;
      out[o + 1] = g >> PRECISION_BITS;
      out[o + 2] = b >> PRECISION_BITS;
      o += 3;
    }
  }
  return new Uint8Array(out.buffer);
}

function vertical(source: Uint8Array, width: number, firstRow: number, to: number, axis: Axis): Uint8Array {
  const line = width * 3;
  const out = new Uint8ClampedArray(to * line);
  const sums = new Int32Array(line);
  const { first, count, weights, stride } = axis;
  for (let y = 0; y < to; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]!; k++) {
      const weight = weights[y * stride + k]!;
      const row = (first[y]! - firstRow + k) * line;
      for (let x = 0; x < line; x++) sums[x] = (sums[x]! + Math.imul(source[row + x]!, weight)) | 0;
    }
    const o = y * line;
    for (let x = 0; x < line; x++) out[o + x] = sums[x]! >> PRECISION_BITS;
  }
  return new Uint8Array(out.buffer);
}

function nearest(image: RgbImage, width: number, height: number): RgbImage {
  const columns = new Int32Array(width);
  // Positions are accumulated, not multiplied, because Pillow's affine scaler does so and the last bit decides.
  const stepX = image.width / width;
  for (let x = 0, at = stepX * 0.5; x < width; x++, at += stepX) columns[x] = Math.min(image.width - 1, Math.trunc(at));
  const stepY = image.height / height;
  const data = new Uint8Array(width * height * 3);
  let o = 0;
  for (let y = 0, at = stepY * 0.5; y < height; y++, at += stepY) {
    const row = Math.min(image.height - 1, Math.trunc(at)) * image.width;
    for (let x = 0; x < width; x++) {
      const p = (row + columns[x]!) * 3;
      data[o++] = image.data[p]!;
      data[o++] = image.data[p + 1]!;
      data[o++] = image.data[p + 2]!;
    }
  }
  return { width, height, data };
}

/**
 * Resizes an image as Pillow's `Image.resize` does, bit for bit: two passes of a fixed-point convolution with 22
 * fractional bits, rounded to 8 bits between them; the filter widens when shrinking. Rows are shrunk first where they
 * lose more than twice as many pixels as the columns do, as Pillow 13 does; earlier versions always begin with the
 * columns (the same values but for the rounding between the passes).
 * @param image RGB, 8 bit.
 * @param width, height size of the result in pixels, at least 1.
 */
export function resize(image: RgbImage, width: number, height: number, filter: ResampleFilter): RgbImage {
  if (image.width === width && image.height === height) return image;
  if (filter === 'nearest') return nearest(image, width, height);
  const kernel = KERNELS[filter];
  const rows = axisWeights(image.height, height, kernel);
  const columns = axisWeights(image.width, width, kernel);
  if (height < image.height && image.height - height > 2 * (image.width - width)) {
    const tall = vertical(image.data, image.width, 0, height, rows);
    return {
      width,
      height,
      data: width === image.width ? tall : horizontal(tall, image.width, height, width, columns),
    };
  }
  if (width === image.width) return { width, height, data: vertical(image.data, width, 0, height, rows) };
  // Only the source rows that the second pass reads.
  const start = rows.first[0]!;
  const end = rows.first[height - 1]! + rows.count[height - 1]!;
  const used = image.data.subarray(start * image.width * 3, end * image.width * 3);
  const wide = horizontal(used, image.width, end - start, width, columns);
  return { width, height, data: height === image.height ? wide : vertical(wide, width, start, height, rows) };
}
