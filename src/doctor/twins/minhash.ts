import { mix } from './words.ts';

/** Rows of a band and bands: two texts of Jaccard J share a band with probability 1 - (1 - J^6)^20: 0.998 at 0.8, 0.01 at 0.3. */
const ROWS = 6;
export const BANDS = 20;

/** Odd multipliers and offsets of the 120 permutations, fixed. */
const MULTIPLIERS = Uint32Array.from({ length: ROWS * BANDS }, (_, i) => mix(2 * i + 1) | 1);
const OFFSETS = Uint32Array.from({ length: ROWS * BANDS }, (_, i) => mix(2 * i + 2));

/**
 * Keys of a set of shingles, one a band: similar sets have an equal key in at least one band. The shingles are mixed well already, so
 * that x -> a x + b (mod 2^32) orders them anew. Source: Broder, "On the resemblance and containment of documents", 1997; Leskovec,
 * Rajaraman, Ullman, "Mining of massive datasets", 3.4.
 */
export function bandKeys(shingles: Uint32Array): Uint32Array {
  const keys = new Uint32Array(BANDS);
  for (let band = 0; band < BANDS; band++) {
    let key = band + 1;
    for (let row = band * ROWS; row < (band + 1) * ROWS; row++) {
      const a = MULTIPLIERS[row]!;
      const b = OFFSETS[row]!;
      let least = 0xffffffff;
      for (let i = 0; i < shingles.length; i++) {
        const image = (Math.imul(a, shingles[i]!) + b) >>> 0;
        if (image < least) least = image;
      }
      key = mix(Math.imul(key, 31) ^ least);
    }
    keys[band] = key;
  }
  return keys;
}
