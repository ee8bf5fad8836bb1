import { fromHalf } from './half.ts';

/** Element types of `.npy` files that hold plain numbers, by their descriptor without byte order. */
const TYPES = {
  f2: { bytes: 2, read: (view: DataView, at: number) => fromHalf(view.getUint16(at, true)) },
  f4: { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  f8: { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) },
  i1: { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) },
  i2: { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) },
  i4: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
  i8: { bytes: 8, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) },
  u1: { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
  u2: { bytes: 2, read: (view: DataView, at: number) => view.getUint16(at, true) },
  u4: { bytes: 4, read: (view: DataView, at: number) => view.getUint32(at, true) },
  u8: { bytes: 8, read: (view: DataView, at: number) => Number(view.getBigUint64(at, true)) },
  b1: { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
} as const;

/** What the head of an `.npy` file says (numpy.lib.format, versions 1 to 3). */
export interface NpyHeader {
  /** E.g. `f4`. */
  type: keyof typeof TYPES;
  /** `[rows]` or `[rows, width]`, in C order. */
  shape: number[];
  /** Bytes before the first element. */
  offset: number;
}

/** Bytes that a header lies in: real ones are 64 to 128 long. */
export const NPY_HEAD = 4096;

/**
 * Reads the head of an `.npy` file.
 *
 * @param head its first {@link NPY_HEAD} bytes, or all of them
 * @returns the header, or what keeps the file from being read
 */
export function parseNpyHeader(head: Uint8Array): NpyHeader | string {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 12 || view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059) return 'it is no .npy file';
  const isFirst = head[6] === 1;
  const offset = isFirst ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (offset > head.length) return 'its header is damaged or longer than 4 KB';
  const text = Buffer.from(head.subarray(isFirst ? 10 : 12, offset)).toString('latin1');
  const descr = /'descr':\s*'([<>|=])(\w+)'/.exec(text);
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text);
  if (descr === null || shape === null) return 'its elements are no plain numbers';
  if (descr[1] === '>') return 'its numbers are big-endian: save it with array.astype("<f4")';
  const type = descr[2] as keyof typeof TYPES;
  if (!(type in TYPES)) return `its elements are ${descr[2]}, which are no plain numbers`;
  const sizes = shape[1]!.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (/'fortran_order':\s*True/.test(text) && sizes.length > 1) {
    return 'it is in Fortran order: save it with numpy.ascontiguousarray(array)';
  }
  return { type, shape: sizes, offset };
}

/** Bytes of one element. */
export function npyBytes(type: NpyHeader['type']): number {
  return TYPES[type].bytes;
}

/** Elements of a type, in double precision: integers of 32 bits have no room in single. */
export function npyNumbers(type: NpyHeader['type'], bytes: Uint8Array): Float64Array {
  const { bytes: step, read } = TYPES[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / step }, (_, i) => read(view, i * step));
}

/** The head of an `.npy` file of version 1, padded so that the elements begin at a multiple of 64 bytes. */
export function npyHeader(type: 'f2' | 'f4' | 'i4', shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const head = new Uint8Array(length);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(head.buffer).setUint16(8, length - 10, true);
  head.set(Buffer.from(`${text.padEnd(length - 11)}\n`, 'latin1'), 10);
  return head;
}
