/** Side of the grey picture that is transformed. */
export const SIDE = 32;
const LOW = 8;

/** 64 bits in two unsigned halves. */
export interface Hash64 {
  high: number;
  low: number;
}

/** COSINES[u * SIDE + x] = cos((2x + 1) u pi / 2N), for the frequencies 0..7. */
const COSINES = Float64Array.from({ length: LOW * SIDE }, (_, i) => {
  const u = Math.floor(i / SIDE);
  return Math.cos(((2 * (i % SIDE) + 1) * u * Math.PI) / (2 * SIDE));
});

/**
 * Perceptual hash of a picture: which of its 64 lowest frequencies are above their median. Re-encoding, resizing and
 * changes of light move a few bits; another picture has about half of them different. Without rows and columns alone
 * (frequencies 1..8), as the source has it, fewer unrelated pictures come close, but a crop of a twentieth moves up to
 * 16 bits, here up to 12. Source: Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010,
 * section 3.2.1.
 * @param luma `SIDE` x `SIDE` values, row by row.
 */
export function perceptualHash(luma: ArrayLike<number>): Hash64 {
  // D = C L C^T, of which the first 8 x 8 block is computed.
  const rows = new Float64Array(LOW * SIDE);
  for (let u = 0; u < LOW; u++) {
    for (let y = 0; y < SIDE; y++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += COSINES[u * SIDE + x]! * luma[y * SIDE + x]!;
      rows[u * SIDE + y] = sum;
    }
  }
  const block = new Float64Array(LOW * LOW);
  for (let v = 0; v < LOW; v++) {
    for (let u = 0; u < LOW; u++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += COSINES[v * SIDE + y]! * rows[u * SIDE + y]!;
      block[v * LOW + u] = sum;
    }
  }
  const sorted = block.toSorted();
  const median = (sorted[31]! + sorted[32]!) / 2;
  let [high, low] = [0, 0];
  for (let i = 0; i < 32; i++) {
    if (block[i]! > median) high |= 1 << i;
    if (block[32 + i]! > median) low |= 1 << i;
  }
  return { high: high >>> 0, low: low >>> 0 };
}

/** Number of bits in which two hashes differ, 0 to 64. */
export function hammingDistance(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return bitCount(aHigh ^ bHigh) + bitCount(aLow ^ bLow);
}

/** Ones of a 32-bit word, added in parallel (Warren, "Hacker's Delight", 5-1). */
function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
