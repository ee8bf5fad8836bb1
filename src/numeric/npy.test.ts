import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHalves, writeHalves } from './half.ts';
import { npyBytes, npyHeader, npyNumbers, parseNpyHeader } from './npy.ts';

const head = (text: string, version = 1): Uint8Array => {
  const bytes = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text}`, 'latin1');
  bytes[6] = version;
  bytes.writeUInt16LE(text.length, 8);
  return bytes;
};

describe('the head of an array', () => {
  it('is read as it was written, and begins the numbers at a multiple of 64', () => {
    for (const shape of [[0], [7], [12345, 384]]) {
      const bytes = npyHeader('f4', shape);
      expect(parseNpyHeader(bytes)).toEqual({ type: 'f4', shape, offset: bytes.length });
      expect(bytes.length % 64).toBe(0);
    }
  });

  it.each([
    ['', /no \.npy/],
    ["{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }", /big-endian/],
    ["{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", /Fortran/],
    ["{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", /c8/],
    ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", /no plain numbers/],
  ])('says why %j is refused', (text, why) => {
    expect(parseNpyHeader(text === '' ? Buffer.from('PK\x03\x04') : head(text))).toMatch(why);
  });

  it('takes one dimension in Fortran order, which is the same', () => {
    expect(parseNpyHeader(head("{'descr': '|b1', 'fortran_order': True, 'shape': (3,), }"))).toMatchObject({
      type: 'b1',
      shape: [3],
    });
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof parseNpyHeader(bytes)).toBe('string');
      }),
    );
  });
});

describe('numbers', () => {
  it('of all types become float32', () => {
    const view = new DataView(new ArrayBuffer(16));
    view.setFloat64(0, 0.5, true);
    view.setBigInt64(8, -3n, true);
    const bytes = new Uint8Array(view.buffer);
    expect([...npyNumbers('f8', bytes.subarray(0, 8))]).toEqual([0.5]);
    expect([...npyNumbers('i8', bytes.subarray(8))]).toEqual([-3]);
    expect([...npyNumbers('f2', Uint8Array.of(0x00, 0x3c, 0x00, 0xc0))]).toEqual([1, -2]);
    expect(npyBytes('u2')).toBe(2);
  });

  it('in half the room keep 11 bits, whatever their size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, min: -1, max: 1 }), { minLength: 1 }),
        fc.integer({ min: -90, max: 90 }),
        (values, power) => {
          const vector = Float32Array.from(values, (value) => value * 2 ** power);
          const found = new Float32Array(vector.length);
          readHalves(writeHalves(vector), found);
          const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          vector.forEach((value, i) => {
            expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(
              Math.max(2 ** -11 * Math.abs(value), 2 ** -37 * largest, 2 ** -149),
            );
          });
        },
      ),
    );
  });
});
