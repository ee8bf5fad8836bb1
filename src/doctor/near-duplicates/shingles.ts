import { mix, readWords } from './words.ts';

/** Words of a run of text that make one shingle. */
const WIDTH = 3;

/**
 * The sorted set of all runs of three words, as 32-bit hashes; of a shorter text the text itself. Empty for a text
 * without words.
 */
export function shinglesOf(text: string): Uint32Array {
  return shinglesOfWords(readWords(text).hashes);
}

/** @param words a hash a word, in order */
export function shinglesOfWords(words: Uint32Array): Uint32Array {
  if (words.length === 0) return new Uint32Array();
  const width = Math.min(WIDTH, words.length);
  const all = new Uint32Array(words.length - width + 1);
  for (let i = 0; i < all.length; i++) {
    let mixed = width;
    for (let j = i; j < i + width; j++) mixed = mix(Math.imul(mixed, 31) + words[j]!);
    all[i] = mixed;
  }
  all.sort();
  let count = 1;
  for (let i = 1; i < all.length; i++) if (all[i] !== all[i - 1]) all[count++] = all[i]!;
  return all.subarray(0, count);
}

/** Shared part of two sorted sets: |A and B| / |A or B|; 0 where both are empty. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [i, j, both] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      both++;
      i++;
      j++;
    } else if (a[i]! < b[j]!) i++;
    else j++;
  }
  const either = a.length + b.length - both;
  return either === 0 ? 0 : both / either;
}
