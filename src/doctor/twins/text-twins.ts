import { createHash } from 'node:crypto';
import { BANDS, bandKeys } from './minhash.ts';
import { jaccard, shinglesOf, wordsOf } from './shingles.ts';

/** What is kept of a text: enough to find its twins, not the text. */
export interface TextKey {
  /** Hash of its words in order. */
  exact: string;
  words: number;
  /** Absent where the text is too short for a near twin that isn't the same. */
  bands?: Uint32Array;
}

/** Shared part of their shingles from which on two texts are nearly the same. */
const LEAST_JACCARD = 0.8;
/** A set of fewer shingles than this has no other set within `LEAST_JACCARD`. */
const LEAST_SHINGLES = 4;

export function textKey(text: string): TextKey {
  const words = wordsOf(text);
  const exact = createHash('sha256').update(words.join(' ')).digest('base64').slice(0, 20);
  const shingles = shinglesOf(words);
  const short = { exact, words: words.length };
  return shingles.length < LEAST_SHINGLES ? short : { ...short, bands: bandKeys(shingles) };
}

/** True where the shingles of two texts overlap by `LEAST_JACCARD`. */
export function isNearText(a: string, b: string): boolean {
  return jaccard(shinglesOf(wordsOf(a)), shinglesOf(wordsOf(b))) >= LEAST_JACCARD;
}

/** One text among others; only texts of one group can be twins (e.g. questions on one image). */
export interface GroupedText {
  group: string;
  key: TextKey;
}

/** A text's twin among those before it (or in the pool), by number. */
export interface TextTwin {
  of: number;
  likeness: 'same' | 'near';
}

/** Numbers compared in one bucket: the first ones stand for the rest of a template that thousands of rows share. */
const MOST_IN_BUCKET = 32;

/** Texts that are added one by one and asked for twins. */
export interface TextPool {
  add(text: GroupedText, number: number): void;
  /** Number of a text with the same words. */
  same(text: GroupedText): number | undefined;
  /** Numbers of texts that are probably near, ascending; to be verified with `isNearText`. */
  candidates(text: GroupedText): number[];
}

export function textPool(): TextPool {
  const exact = new Map<string, number>();
  const buckets = new Map<string, number[]>();
  const bucketsOf = ({ group, key: { bands } }: GroupedText): string[] =>
    bands === undefined ? [] : Array.from({ length: BANDS }, (_, band) => `${band} ${bands[band]} ${group}`);
  return {
    add(text, number) {
      const key = `${text.key.exact} ${text.group}`;
      // Of texts with the same words the first stands for all.
      if (exact.has(key)) return;
      exact.set(key, number);
      for (const name of bucketsOf(text)) {
        const bucket = buckets.get(name);
        if (bucket === undefined) buckets.set(name, [number]);
        else if (bucket.length < MOST_IN_BUCKET) bucket.push(number);
      }
    },
    same: ({ group, key }) => exact.get(`${key.exact} ${group}`),
    candidates: (text) =>
      [...new Set(bucketsOf(text).flatMap((name) => buckets.get(name) ?? []))].sort((a, b) => a - b),
  };
}

const CHUNK = 512;

/**
 * Twin of every text among those before it: the same words, or near. Texts themselves are read again for the few that have candidates.
 * @param textsOf texts by number; null: it can't be read again.
 */
export async function textTwins(
  texts: readonly GroupedText[],
  textsOf: (numbers: readonly number[]) => Promise<(string | null)[]>,
  signal?: AbortSignal,
): Promise<(TextTwin | undefined)[]> {
  const pool = textPool();
  const twins: (TextTwin | undefined)[] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    signal?.throwIfAborted();
    const open: { number: number; candidates: number[] }[] = [];
    for (let number = start; number < Math.min(start + CHUNK, texts.length); number++) {
      const text = texts[number]!;
      const same = pool.same(text);
      twins[number] = same === undefined ? undefined : { of: same, likeness: 'same' };
      if (same !== undefined) continue;
      const candidates = pool.candidates(text);
      if (candidates.length > 0) open.push({ number, candidates });
      pool.add(text, number);
    }
    const needed = [...new Set(open.flatMap(({ number, candidates }) => [number, ...candidates]))];
    const read = await textsOf(needed);
    const textOf = new Map(needed.map((number, i) => [number, read[i] ?? null]));
    for (const { number, candidates } of open) {
      const own = textOf.get(number);
      const of = candidates.find((other) => {
        const text = textOf.get(other);
        return typeof own === 'string' && typeof text === 'string' && isNearText(own, text);
      });
      if (of !== undefined) twins[number] = { of, likeness: 'near' };
    }
  }
  return twins;
}
