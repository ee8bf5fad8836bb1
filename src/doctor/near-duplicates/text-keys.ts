import { createHash } from 'node:crypto';
import { BANDS, bandKeys, minHashes, PERMUTATIONS } from './minhash.ts';
import { shinglesOfWords } from './shingles.ts';
import { readWords, type Words } from './words.ts';

/** What is kept of texts, by number in the order they were added: enough to find their duplicates, not the texts. */
export interface TextKeys {
  readonly count: number;
  add(text: string): void;
  /** Hash of the words in order. */
  exact(number: number): string;
  words(number: number): number;
  /** Distinct shingles; 0 where the text is too short for a near duplicate that isn't the same. */
  shingles(number: number): number;
  /** Min-hash key of a band; 0 without shingles. */
  band(number: number, band: number): number;
  /** The last byte of each min-hash, for `estimatedJaccard`. */
  sketch(number: number): Uint8Array;
}

/** A set of fewer shingles than this has no other set within a Jaccard index of 0.8. */
const LEAST_SHINGLES = 4;

/** Hash of a text's words in order; the same for texts that differ only in case, spaces and punctuation. */
export function exactKey(text: string): string {
  return digestOf(readWords(text));
}

function digestOf({ letters }: Words): string {
  const bytes = new Uint8Array(letters.buffer, letters.byteOffset, letters.byteLength);
  return createHash('sha256').update(bytes).digest().toString('base64', 0, 15);
}

/** Numbers of a text: words, shingles, then a key a band. */
const WIDTH = 2 + BANDS;
/** Texts whose numbers stand in one array: what is kept grows without being copied. */
const SLAB = 4096;

export function textKeys(): TextKeys {
  const digests: string[] = [];
  const slabs: Uint32Array[] = [];
  const sketches: Uint8Array[] = [];
  const at = (number: number, column: number): number =>
    slabs[Math.floor(number / SLAB)]![(number % SLAB) * WIDTH + column]!;
  return {
    get count() {
      return digests.length;
    },
    add(text) {
      const number = digests.length;
      if (number % SLAB === 0) {
        slabs.push(new Uint32Array(SLAB * WIDTH));
        sketches.push(new Uint8Array(SLAB * PERMUTATIONS));
      }
      const own = slabs.at(-1)!.subarray((number % SLAB) * WIDTH);
      const words = readWords(text);
      digests.push(digestOf(words));
      own[0] = words.hashes.length;
      const shingles = shinglesOfWords(words.hashes);
      if (shingles.length < LEAST_SHINGLES) return;
      own[1] = shingles.length;
      const hashes = minHashes(shingles);
      own.set(bandKeys(hashes), 2);
      // Stored in a byte each: the last 8 bits.
      sketches.at(-1)!.set(hashes, (number % SLAB) * PERMUTATIONS);
    },
    exact: (number) => digests[number]!,
    words: (number) => at(number, 0),
    shingles: (number) => at(number, 1),
    band: (number, band) => at(number, 2 + band),
    sketch(number) {
      const start = (number % SLAB) * PERMUTATIONS;
      return sketches[Math.floor(number / SLAB)]!.subarray(start, start + PERMUTATIONS);
    },
  };
}
