import type { Port, Tensor } from './session.ts';

const bits = new Uint32Array(1);
const number = new Float32Array(bits.buffer);

/** The nearest half-precision number (ties to even), as its 16 bits. */
function toHalf(value: number): number {
  number[0] = value;
  const b = bits[0]!;
  const sign = (b >>> 16) & 0x8000;
  const exponent = (b >>> 23) & 0xff;
  const fraction = b & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const e = exponent - 112;
  if (e >= 31) return sign | 0x7c00;
  if (e >= 1) return sign + roundShift((e << 23) | fraction, 13);
  if (e < -10) return sign;
  return sign + roundShift(fraction | 0x800000, 14 - e);
}

function roundShift(value: number, shift: number): number {
  const floor = value >>> shift;
  const rest = value - floor * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

/** The number that 16 bits of half precision stand for. */
function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25));
}

/** The tensor in the element type that a graph's input asks for. */
export function toPort(tensor: Tensor, port: Port): Tensor {
  if (tensor.type === port.type) return tensor;
  const { dims, data } = tensor;
  if (port.type === 'float16' && data instanceof Float32Array) {
    return { type: 'float16', dims, data: Uint16Array.from(data, toHalf) };
  }
  if (port.type === 'int64' && !(data instanceof BigInt64Array)) {
    return { type: 'int64', dims, data: BigInt64Array.from(data as Uint8Array, BigInt) };
  }
  if (port.type === 'float32') return { type: 'float32', dims, data: Float32Array.from(data as Uint8Array) };
  throw new TypeError(`input ${port.name} is ${port.type}, and ${tensor.type} can't be given for it`);
}

/** The numbers of a float tensor in single precision. */
export function toFloats(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  if (tensor.type === 'float16') return Float32Array.from(tensor.data as Uint16Array, fromHalf);
  throw new TypeError(`expected floats, got ${tensor.type}`);
}
