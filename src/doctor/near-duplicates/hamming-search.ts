import { hammingDistance } from './perceptual-hash.ts';

/** Finds hashes within a Hamming radius: every one of them, without comparing all with all. */
export interface HammingIndex {
  /** Positions of all indexed hashes within the radius of this one, the nearest first, ties by position. */
  near(high: number, low: number): number[];
}

const BANDS = 4;
const BITS = 16;

/**
 * Multi-index hashing: of two 64-bit hashes within radius r = 4 r' + a, one of the first a + 1 of their four 16-bit
 * bands is within r', or one of the others within r' - 1 (else they differ in at least (a + 1)(r' + 1) + (3 - a) r' = r
 * + 1 bits). The hashes are bucketed by each band, and a query probes the buckets around its own: no hash within the
 * radius is missed. Source: Norouzi, Punjani, Fleet, "Fast search in Hamming space with multi-index hashing", CVPR
 * 2012, section 3.
 * @param high upper halves of the hashes. @param low lower halves. @param radius largest distance in bits, 0 to 15.
 */
export function hammingIndex(high: Uint32Array, low: Uint32Array, radius: number): HammingIndex {
  const count = high.length;
  const bands = Array.from({ length: BANDS }, (_, band) => bucketsOf(high, low, band));
  const most = Math.floor(radius / BANDS);
  const [wide, narrow] = [masksWithin(most), masksWithin(most - 1)];
  /** Query that a position was last found by, so that it is told once. */
  const met = new Uint32Array(count);
  let query = 0;
  return {
    near(queryHigh, queryLow) {
      query++;
      const found: { position: number; distance: number }[] = [];
      for (let band = 0; band < BANDS; band++) {
        const { starts, members, words } = bands[band]!;
        const key = bandOf(queryHigh, queryLow, band);
        for (const mask of band <= radius % BANDS ? wide : narrow) {
          const bucket = key ^ mask;
          for (let i = starts[bucket]!; i < starts[bucket + 1]!; i++) {
            const distance = hammingDistance(queryHigh, queryLow, words[2 * i]!, words[2 * i + 1]!);
            if (distance > radius) continue;
            const position = members[i]!;
            if (met[position] !== query) found.push({ position, distance });
            met[position] = query;
          }
        }
      }
      found.sort((a, b) => a.distance - b.distance || a.position - b.position);
      return found.map(({ position }) => position);
    },
  };
}

function bandOf(high: number, low: number, band: number): number {
  const half = band < 2 ? high : low;
  return band % 2 === 0 ? half >>> BITS : half & 0xffff;
}

interface Buckets {
  starts: Uint32Array;
  members: Uint32Array;
  /**
   * Both halves of every member's hash, in the order of the members: a bucket is compared without leaving its place in
   * memory.
   */
  words: Uint32Array;
}

/** Positions sorted by their band's value (counting sort): those of value v stand at starts[v] .. starts[v + 1]. */
function bucketsOf(high: Uint32Array, low: Uint32Array, band: number): Buckets {
  const starts = new Uint32Array((1 << BITS) + 1);
  for (let i = 0; i < high.length; i++) starts[bandOf(high[i]!, low[i]!, band) + 1]!++;
  for (let value = 0; value < 1 << BITS; value++) starts[value + 1]! += starts[value]!;
  const next = starts.slice();
  const members = new Uint32Array(high.length);
  for (let i = 0; i < high.length; i++) members[next[bandOf(high[i]!, low[i]!, band)]!++] = i;
  const words = new Uint32Array(2 * high.length);
  members.forEach((position, i) => {
    words.set([high[position]!, low[position]!], 2 * i);
  });
  return { starts, members, words };
}

/** All 16-bit words with at most `most` ones. */
function masksWithin(most: number): number[] {
  const masks: number[] = [];
  for (let word = 0; word < 1 << BITS; word++) if (hammingDistance(word, 0, 0, 0) <= most) masks.push(word);
  return masks;
}
