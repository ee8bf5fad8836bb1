/**
 * Philox4x32-10, the project's one random generator: counter based, so that draw `i` of a stream depends on nothing but
 * (seed, stream name, i). `worker/winnow_worker/philox.py` is its twin; both are tested against the same vectors.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; known answers from
 * Random123.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 0x1_0000_0000;

/**
 * High 32 bits of the product of two unsigned 32-bit numbers, from four products of halves, none of which leaves 32
 * bits with what is carried to it.
 */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) >>> 0;
}

/** One block: four unsigned 32-bit words from a counter of four words and a key of two, written into `out`. */
export function philox4x32(
  counter: ArrayLike<number>,
  key: ArrayLike<number>,
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  let c0 = counter[0]! >>> 0;
  let c1 = counter[1]! >>> 0;
  let c2 = counter[2]! >>> 0;
  let c3 = counter[3]! >>> 0;
  let k0 = key[0]! >>> 0;
  let k1 = key[1]! >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    c0 >>>= 0;
    c2 >>>= 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** FNV-1a, 32 bits, over the UTF-8 bytes of a stream's name: the second word of its key. */
export function hashStreamName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A stream of random numbers. Everything it gives is a function of seed, name and how much was drawn before. */
export interface Random {
  /** The next unsigned 32-bit word. */
  word(): number;
  /** Uniform in [0, 1), 53 bits (two words). */
  uniform(): number;
  /** Uniform integer in 0 .. n-1 without modulo bias (words above the last multiple of n are drawn again). */
  below(n: number): number;
  /** Standard normal (Box-Muller, one value for two uniforms). */
  normal(): number;
  /** Shuffles in place (Fisher-Yates from the end) and returns its argument. */
  shuffle<T extends { length: number; [index: number]: unknown }>(values: T): T;
  /** `k` distinct integers of 0 .. n-1, in the order they were drawn. */
  sample(n: number, k: number): Int32Array;
}

/**
 * Opens a stream. Different names under one seed are independent streams.
 *
 * @param seed integer in 0 .. 2^32-1
 * @param stream what the numbers are for, e.g. `select/random`
 * @throws RangeError for any other seed
 */
export function createRandom(seed: number, stream: string): Random {
  if (!Number.isInteger(seed) || seed < 0 || seed >= TWO_32) {
    throw new RangeError(`A seed is an integer from 0 to 4294967295, got ${seed}.`);
  }
  const key = [seed, hashStreamName(stream)];
  const counter = new Uint32Array(4);
  const block = new Uint32Array(4);
  let used = 4;

  const word = (): number => {
    if (used === 4) {
      philox4x32(counter, key, block);
      counter[0]!++;
      if (counter[0] === 0) counter[1]!++;
      used = 0;
    }
    return block[used++]!;
  };
  const uniform = (): number => {
    const high = word() >>> 5;
    const low = word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
  const below = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) throw new RangeError(`below(n) needs 1 <= n <= 2^32, got ${n}`);
    let drawn = word();
    // Words above the last multiple of n are among the last n - 1: most draws needn't know where it lies.
    while (drawn > TWO_32 - n && drawn >= TWO_32 - (TWO_32 % n)) drawn = word();
    // Of integers: a remainder of doubles takes ten times as long.
    return n === TWO_32 ? drawn : (drawn >>> 0) % (n >>> 0);
  };
  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
  const shuffle: Random['shuffle'] = (values) => {
    const mutable = values as { length: number; [index: number]: unknown };
    for (let i = mutable.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const held = mutable[i];
      mutable[i] = mutable[j];
      mutable[j] = held;
    }
    return values;
  };
  const sample = (n: number, k: number): Int32Array => {
    if (k < 0 || k > n) throw new RangeError(`sample(n, k) needs 0 <= k <= n, got n = ${n}, k = ${k}`);
    const pool = new Int32Array(n);
    for (let i = 0; i < n; i++) pool[i] = i;
    for (let i = 0; i < k; i++) {
      const j = i + below(n - i);
      const held = pool[i]!;
      pool[i] = pool[j]!;
      pool[j] = held;
    }
    return pool.slice(0, k);
  };
  return { word, uniform, below, normal, shuffle, sample };
}
