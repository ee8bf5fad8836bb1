import { createHash } from 'node:crypto';
import type { TextEncoder } from '../types.ts';

/** Length of an embedding. */
const DIM = 512;
/** Slots of the table of document counts: features that share a slot share a count. */
const COUNTS = 2 ** 20;
/** Raised by hand when the numbers change. */
const VERSION = 1;

/**
 * Fits the offline encoder: hashed TF-IDF of words and word pairs. It knows which words two texts share and how rare
 * they are, and nothing of what words mean. First pass: in how many texts does each feature occur; `encode` is the
 * second.
 *
 * x[h(f)] += s(f) (1 + ln tf(f)) (1 + ln((1 + N) / (1 + df(f)))), then L2 (hashing: Weinberger et al. 2009; weights:
 * Manning et al. 2008, 6.4). A text without a word gets zeros.
 * @param texts the corpus, read once.
 */
export async function fitLexical(texts: AsyncIterable<string> | Iterable<string>): Promise<TextEncoder> {
  const counts = new Uint32Array(COUNTS);
  let documents = 0;
  for await (const text of texts) {
    documents++;
    for (const feature of featuresOf(text).values()) counts[feature.hash % COUNTS]! += 1;
  }
  const hash = createHash('sha256').update(`${documents}\n`).update(new Uint8Array(counts.buffer)).digest('hex');
  return {
    name: 'lexical',
    revision: `lexical-${VERSION}-${DIM}-${hash}`,
    dim: DIM,
    encode: async (batch, options) => {
      const out = new Float32Array(batch.length * DIM);
      const row = new Float64Array(DIM);
      batch.forEach((text, i) => {
        options?.signal?.throwIfAborted();
        row.fill(0);
        for (const { hash: h, tf } of featuresOf(text).values()) {
          const idf = 1 + Math.log((1 + documents) / (1 + counts[h % COUNTS]!));
          // The sign comes from bits that choose no slot, so that features that collide cancel on average.
          row[h % DIM]! += (h >>> 31 === 0 ? 1 : -1) * (1 + Math.log(tf)) * idf;
        }
        let norm = 0;
        for (const x of row) norm += x * x;
        const scale = norm === 0 ? 0 : 1 / Math.sqrt(norm);
        for (let c = 0; c < DIM; c++) out[i * DIM + c] = row[c]! * scale;
      });
      return out;
    },
    close: async () => {},
  };
}

interface Feature {
  hash: number;
  tf: number;
}

/**
 * Words (runs of letters and digits, lower case, compatibility forms folded) and pairs of neighbours, with how often
 * each occurs.
 */
function featuresOf(text: string): Map<string, Feature> {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const features = new Map<string, Feature>();
  const add = (feature: string): void => {
    const known = features.get(feature);
    if (known === undefined) features.set(feature, { hash: hash32(feature), tf: 1 });
    else known.tf++;
  };
  words.forEach((word, i) => {
    add(word);
    if (i > 0) add(`${words[i - 1]} ${word}`);
  });
  return features;
}

/** FNV-1a over UTF-16 units, with MurmurHash3's finaliser so that every bit depends on every other. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    h = Math.imul(h ^ (unit & 0xff), 0x01000193);
    h = Math.imul(h ^ (unit >>> 8), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
