const SCALE_BYTES = 4;

/** The float16 numbers by their bits: a table, since this needs no Node that knows the type. */
const halves = (() => {
  let table: Float32Array | undefined;
  return (): Float32Array => {
    table ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => fromHalf(bits));
    return table;
  };
})();

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);

/** The nearest half-precision number (ties to even), as its 16 bits. */
export function toHalf(value: number): number {
  number[0] = value;
  const b = word[0]!;
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

/**
 * Reads a vector that was stored in half the room: little-endian, a float32 scale, then float16 numbers; each value is
 * the scale times a number. The scale is a power of two, so that vectors of any length keep 11 bits a number.
 *
 * @param out takes the values, and says how many there are
 * @throws RangeError where the blob is shorter
 */
export function readHalves(blob: Uint8Array, out: Float32Array): void {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const table = halves();
  const scale = view.getFloat32(0, true);
  for (let i = 0; i < out.length; i++) out[i] = scale * table[view.getUint16(SCALE_BYTES + 2 * i, true)]!;
}

/**
 * A vector as {@link readHalves} reads it. The scale is the power of two that brings the largest value near the top of
 * the range of float16: so values down to 2^-28 of the largest keep 11 bits.
 */
export function writeHalves(vector: Float32Array): Uint8Array {
  let largest = 0;
  for (const value of vector) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  const scale = largest === 0 ? 1 : 2 ** Math.max(-126, Math.floor(Math.log2(largest)) - 14);
  const blob = new Uint8Array(SCALE_BYTES + 2 * vector.length);
  const view = new DataView(blob.buffer);
  view.setFloat32(0, scale, true);
  for (let i = 0; i < vector.length; i++) view.setUint16(SCALE_BYTES + 2 * i, toHalf(vector[i]! / scale), true);
  return blob;
}
