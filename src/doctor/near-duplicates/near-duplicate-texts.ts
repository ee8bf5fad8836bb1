import type { DoctorContext } from '../checks/check.ts';
import { bandBuckets } from './bands.ts';
import { estimatedJaccard } from './minhash.ts';
import { jaccard, shinglesOf } from './shingles.ts';
import type { TextKeys } from './text-keys.ts';
import { mix } from './words.ts';

/** Shared part of their shingles from which on two texts are nearly the same. */
const LEAST_JACCARD = 0.8;

/** True where the shingles of two texts overlap by `LEAST_JACCARD`. @param a sorted set of shingles */
export function areNear(a: Uint32Array, b: Uint32Array): boolean {
  return canBeNear(a.length, b.length) && jaccard(a, b) >= LEAST_JACCARD;
}

/**
 * False where two texts can't be near by the sizes of their sets, or hardly can by their sketches: these need not be
 * read again.
 */
export function mayBeNear(a: TextKeys, i: number, b: TextKeys, j: number): boolean {
  return canBeNear(a.shingles(i), b.shingles(j)) && estimatedJaccard(a.sketch(i), b.sketch(j)) >= LEAST_JACCARD - DOUBT;
}

/** Four standard deviations of the estimate. */
const DOUBT = 0.15;

function canBeNear(a: number, b: number): boolean {
  return Math.min(a, b) >= LEAST_JACCARD * Math.max(a, b);
}

/** A text's duplicate among those before it, by number. */
export interface TextDuplicate {
  of: number;
  likeness: 'same' | 'near';
}

const CHUNK = 512;

/**
 * Duplicate of every text among those before it: the same words, or near. Texts themselves are read again for the few
 * that have candidates.
 * @param groups by number; only texts of one group can be duplicates (e.g. questions on one image).
 * @param textsOf texts by number; null: it can't be read again.
 */
export async function nearDuplicateTexts(
  keys: TextKeys,
  groups: readonly string[],
  textsOf: (numbers: readonly number[]) => Promise<(string | null)[]>,
  { signal, progress }: Pick<DoctorContext, 'signal' | 'progress'> = {},
): Promise<(TextDuplicate | undefined)[]> {
  const duplicates = sameTexts(keys, groups);
  // Of texts with the same words the first stands for all.
  const open = Uint32Array.from(groups.keys()).filter(
    (number) => duplicates[number] === undefined && keys.shingles(number) > 0,
  );
  const group = numbered(groups);
  const bucketed = bandBuckets(open.length, (i, band) => mix(keys.band(open[i]!, band) ^ mix(group[open[i]!]!)));
  const candidatesOf = (i: number): number[] => {
    const number = open[i]!;
    const others = bucketed(i).map((other) => open[other]!);
    return others.filter((other) => group[other] === group[number] && mayBeNear(keys, other, keys, number));
  };
  for (let start = 0; start < open.length; start += CHUNK) {
    signal?.throwIfAborted();
    progress?.(start, open.length, 'comparing texts');
    const asked: { number: number; candidates: number[] }[] = [];
    for (let i = start; i < Math.min(start + CHUNK, open.length); i++) {
      const candidates = candidatesOf(i);
      if (candidates.length > 0) asked.push({ number: open[i]!, candidates });
    }
    const needed = [...new Set(asked.flatMap(({ number, candidates }) => [number, ...candidates]))];
    const read = await textsOf(needed);
    const shingles = new Map(needed.map((number, i) => [number, shinglesOf(read[i] ?? '')]));
    for (const { number, candidates } of asked) {
      const own = shingles.get(number)!;
      const of = candidates.find((other) => areNear(own, shingles.get(other)!));
      if (of !== undefined) duplicates[number] = { of, likeness: 'near' };
    }
  }
  return duplicates;
}

/** The first text of the same words in the group, for those that come later. */
function sameTexts(keys: TextKeys, groups: readonly string[]): (TextDuplicate | undefined)[] {
  const first = new Map<string, number>();
  return groups.map((group, number) => {
    const name = `${keys.exact(number)} ${group}`;
    const of = first.get(name);
    if (of === undefined) first.set(name, number);
    return of === undefined ? undefined : { of, likeness: 'same' };
  });
}

/** Equal numbers for equal names. */
function numbered(names: readonly string[]): Uint32Array {
  const numbers = new Map<string, number>();
  return Uint32Array.from(names, (name) => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  });
}
