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
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * Reads a vector that the worker stored in half the room: little-endian, a float32 scale, then float16 numbers; each value is the scale
 * times a number. The scale is a power of two, so that vectors of any length keep 11 bits a number.
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
