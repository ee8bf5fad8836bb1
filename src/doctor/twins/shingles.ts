/** Words of a run of text that make one shingle. */
const WIDTH = 3;

/**
 * Text as it is compared: NFKC, lower case, words and numbers only. Signs between numbers stay (`3-2` isn't `3+2`). A sign of a
 * script without spaces is a word.
 */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
}

const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}_]+|[+\-*/=<>^%](?=\s*[\p{N}(])/gu;

/** The set of all runs of three words, as 32-bit hashes; of a shorter text the text itself. Empty for a text without words. */
export function shinglesOf(words: readonly string[]): Uint32Array {
  if (words.length === 0) return new Uint32Array();
  const hashes = words.map(hashOf);
  const width = Math.min(WIDTH, words.length);
  const set = new Set<number>();
  for (let i = 0; i + width <= hashes.length; i++) {
    let mixed = width;
    for (let j = i; j < i + width; j++) mixed = mix(Math.imul(mixed, 31) + hashes[j]!);
    set.add(mixed);
  }
  return Uint32Array.from(set).sort();
}

/** FNV-1a over UTF-16 units, then mixed. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Every bit of the result depends on every bit of the word (the finaliser of MurmurHash3). */
export function mix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
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
