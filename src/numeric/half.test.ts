import { expect, it } from 'vitest';
import { readHalves } from './half.ts';

/** Bits of known float16 numbers, from the table of IEEE 754-2019. */
const KNOWN: [bits: number, value: number][] = [
  [0x0000, 0],
  [0x0001, 2 ** -24],
  [0x03ff, 1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3c00, 1],
  [0x3c01, 1 + 2 ** -10],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
];

function blob(scale: number, bits: number[], offset = 0): Uint8Array {
  const bytes = new Uint8Array(offset + 4 + 2 * bits.length);
  const view = new DataView(bytes.buffer, offset);
  view.setFloat32(0, scale, true);
  for (const [i, half] of bits.entries()) view.setUint16(4 + 2 * i, half, true);
  return bytes.subarray(offset);
}

it('reads float16 numbers times their scale, wherever the bytes lie', () => {
  for (const [scale, offset] of [
    [1, 0],
    [2 ** -40, 3],
  ] as const) {
    const out = new Float32Array(KNOWN.length);
    readHalves(
      blob(
        scale,
        KNOWN.map(([bits]) => bits),
        offset,
      ),
      out,
    );
    expect([...out]).toEqual(KNOWN.map(([, value]) => Math.fround(value * scale)));
  }
  const nothing = new Float32Array(1);
  readHalves(blob(1, [0x7e00]), nothing);
  expect(nothing[0]).toBeNaN();
});

it('refuses a vector that is cut short', () => {
  expect(() => readHalves(blob(1, [0x3c00]), new Float32Array(2))).toThrow(RangeError);
});
