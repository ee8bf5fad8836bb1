import { BANDS } from './minhash.ts';

/** Items looked at in one bucket: the first ones stand for the rest of a template that thousands of rows share. */
const MOST_IN_BUCKET = 32;

/**
 * Items that share a key with others in at least one band, found by sorting each band's keys.
 * @param keyOf 32-bit key of an item in a band.
 * @returns for an item, those of lower number in its buckets, ascending: the first 32 of every bucket
 */
export function bandBuckets(count: number, keyOf: (item: number, band: number) => number): (item: number) => number[] {
  const bands = Array.from({ length: BANDS }, (_, band) => bucketsOf(count, (item) => keyOf(item, band)));
  return (item) => {
    const found = new Set<number>();
    for (const { members, starts } of bands) {
      for (let i = starts[item]!; members[i]! < item && i < starts[item]! + MOST_IN_BUCKET; i++) found.add(members[i]!);
    }
    return [...found].sort((a, b) => a - b);
  };
}

interface Buckets {
  /** All items, those of one key together, ascending. */
  members: Uint32Array;
  /** For each item the place in `members` where its bucket begins. */
  starts: Uint32Array;
}

function bucketsOf(count: number, keyOf: (item: number) => number): Buckets {
  // One 64-bit word for each item, the key in its upper half: sorted without a function that compares.
  const halves = new Uint32Array(2 * count);
  for (let item = 0; item < count; item++) {
    halves[2 * item] = item;
    halves[2 * item + 1] = keyOf(item);
  }
  new BigUint64Array(halves.buffer).sort();
  const members = new Uint32Array(count);
  const starts = new Uint32Array(count);
  let start = 0;
  for (let i = 0; i < count; i++) {
    if (halves[2 * i + 1] !== halves[2 * start + 1]) start = i;
    members[i] = halves[2 * i]!;
    starts[members[i]!] = start;
  }
  return { members, starts };
}
