import { fromHalf, toHalf } from '../numeric/half.ts';
import type { Port, Tensor } from './session.ts';

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
