import type { Random } from '../../src/numeric/philox.ts';

/** Values that lengths, counts and sizes are wrong with. */
const EXTREMES = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
/** Bytes that mean something to JSON, tar and text. */
const MARKS = Buffer.from('{}[]",:\\\n\0\xff\xc3<0', 'latin1');

type Mutator = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const MUTATORS: Readonly<Record<string, Mutator>> = {
  flip(bytes, random) {
    for (let n = 1 + random.below(8); n > 0; n--) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  truncate: (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  splice(bytes, random, other) {
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
  remove(bytes, random) {
    const [start, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  repeat(bytes, random) {
    const [start, end] = range(bytes, random);
    const times = 1 + random.below(4);
    return Buffer.concat([
      bytes.subarray(0, end),
      ...new Array(times).fill(bytes.subarray(start, end)),
      bytes.subarray(end),
    ]);
  },
  blank(bytes, random) {
    const [start, end] = range(bytes, random);
    return bytes.fill(random.below(2) === 0 ? 0 : 0xff, start, end);
  },
  number(bytes, random) {
    if (bytes.length < 4) return bytes;
    const value = EXTREMES[random.below(EXTREMES.length)]!;
    const at = random.below(bytes.length - 3);
    if (random.below(2) === 0) bytes.writeUInt32LE(value, at);
    else bytes.writeUInt32BE(value, at);
    return bytes;
  },
  mark(bytes, random) {
    for (let n = 1 + random.below(4); n > 0; n--) {
      bytes[random.below(bytes.length)] = MARKS[random.below(MARKS.length)]!;
    }
    return bytes;
  },
};

/**
 * Damage bytes in one to three ways. Everything is a function of the random stream. Returns the new bytes and what was
 * done.
 */
export function mutate(original: Buffer, other: Buffer, random: Random): { bytes: Buffer; how: string } {
  const names = Object.keys(MUTATORS);
  let bytes = Buffer.from(original);
  const how: string[] = [];
  for (let n = 1 + random.below(3); n > 0 && bytes.length > 0; n--) {
    const name = names[random.below(names.length)]!;
    bytes = Buffer.from(MUTATORS[name]!(bytes, random, other));
    how.push(name);
  }
  return { bytes, how: how.join(' ') };
}

/** A stretch: short ones mostly, now and then up to all. */
function range(bytes: Buffer, random: Random): [number, number] {
  const start = random.below(bytes.length);
  const most = random.below(4) === 0 ? bytes.length - start : Math.min(64, bytes.length - start);
  return [start, start + 1 + random.below(most)];
}
