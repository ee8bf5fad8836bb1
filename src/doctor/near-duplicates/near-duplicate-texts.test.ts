import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { bandKeys, estimatedJaccard, minHashes } from './minhash.ts';
import { nearDuplicateTexts, type TextDuplicate } from './near-duplicate-texts.ts';
import { jaccard, shinglesOf } from './shingles.ts';
import { textKeys } from './text-keys.ts';
import { mix, readWords } from './words.ts';

describe('texts', () => {
  const random = createRandom(3, 'texts');
  const text = (length: number) => Array.from({ length }, () => `w${random.below(5000)}`);

  function duplicatesOf(
    texts: readonly string[],
    groups = texts.map(() => ''),
  ): Promise<(TextDuplicate | undefined)[]> {
    const keys = textKeys();
    for (const one of texts) keys.add(one);
    return nearDuplicateTexts(keys, groups, async (numbers) => numbers.map((number) => texts[number]!));
  }

  it('of Jaccard 0.8 and more share a band, and the verdict is that of the true sets', async () => {
    const originals = Array.from({ length: 150 }, () => text(30 + random.below(60)));
    const changed = originals.map((words, i) => words.map((word, at) => (at % 37 === i % 37 ? 'other' : word)));
    const all = [...originals, ...changed].map((words) => words.join(' '));
    const duplicates = await duplicatesOf(all);
    let expected = 0;
    const wrong = changed.filter((_, i) => {
      const is = jaccard(shinglesOf(all[i]!), shinglesOf(all[150 + i]!)) >= 0.8;
      if (is) expected++;
      return is !== (duplicates[150 + i]?.of === i);
    });
    expect(expected).toBeGreaterThan(60);
    expect(wrong.length).toBeLessThanOrEqual(1);
    expect(duplicates.slice(0, 150).filter((duplicate) => duplicate !== undefined)).toHaveLength(0);
  });

  it('are found among many thousands, in buckets that hold a template', async () => {
    const template = text(60);
    const texts = Array.from({ length: 6000 }, (_, i) =>
      (i % 3 === 0 ? template.map((word, at) => (at % 5 === 0 ? `v${random.below(9999)}` : word)) : text(40)).join(' '),
    );
    const planted = Array.from({ length: 40 }, (_, i) => `${texts[100 * i + 1]} indeed`);
    const duplicates = await duplicatesOf([...texts, ...planted]);
    expect(duplicates.slice(0, 6000).filter((duplicate) => duplicate !== undefined)).toEqual([]);
    const expected = planted.map((_, i) =>
      (100 * i + 1) % 3 === 0 ? undefined : { of: 100 * i + 1, likeness: 'near' },
    );
    const missed = expected.filter(
      (duplicate, i) => duplicate !== undefined && duplicates[6000 + i]?.of !== duplicate.of,
    );
    expect(missed.length).toBeLessThanOrEqual(1);
  });

  it('are cut into words as a regular expression cuts them', () => {
    const alone = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}';
    const words = new RegExp(
      `[${alone}]|[[\\p{L}\\p{M}\\p{N}_]--[${alone}]]+|[+\\-*\\/=<>^%](?=\\s*[\\p{N}\\(])`,
      'gv',
    );
    const pieces = fc.constantFrom(
      'dog',
      'Ärger',
      '３',
      '猫',
      'ひ',
      'ไ',
      ' ',
      '\u00a0',
      '-',
      '+ (',
      '=',
      '_',
      '𝔘',
      '🙂',
      'e\u0301',
      '\ud83d',
      '𐐷',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 3 }))), (parts) => {
        const given = parts.join('');
        const folded = given.normalize('NFKC').toLowerCase();
        const { letters, hashes } = readWords(given);
        const cut = folded.match(words) ?? [];
        // Signs of Han beyond U+FFFF are cut as letters are: too rare for a rule of their own.
        fc.pre(![...folded].some((sign) => sign.length === 2 && /\p{Script=Han}/u.test(sign)));
        expect(String.fromCharCode(...letters)).toBe(cut.map((word) => `${word} `).join(''));
        expect(hashes).toHaveLength(cut.length);
      }),
      { numRuns: 120 },
    );
  });

  it('differ by case, spaces and punctuation only: the same', async () => {
    const texts = [
      'Is there a DOG here?',
      'is there  a dog here',
      'is there a cat here',
      '狗在哪里？',
      '狗在那里？',
      '3 + 4',
      '3 - 4',
    ];
    const duplicates = await duplicatesOf(texts);
    expect(duplicates.map((duplicate) => duplicate?.of)).toEqual([
      undefined,
      0,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('of two groups are no duplicates', async () => {
    const long = text(40).join(' ');
    const texts = ['What is shown here?', 'What is shown here?', long, `${long} more`];
    const groups = ['one image', 'another', 'one image', 'another'];
    expect(await duplicatesOf(texts, groups)).toEqual([undefined, undefined, undefined, undefined]);
    const together = await duplicatesOf(texts);
    expect(together.map((duplicate) => duplicate?.likeness)).toEqual([undefined, 'same', undefined, 'near']);
  });

  it('are estimated by their sketches to four deviations', () => {
    for (let shared = 0; shared <= 100; shared += 5) {
      const sets = [0, 1].map((side) =>
        Uint32Array.from({ length: 100 }, (_, i) => mix(i < shared ? i : 1000 * (side + 1) + i)).sort(),
      );
      const [a, b] = sets.map((set) => Uint8Array.from(minHashes(set)));
      const is = jaccard(sets[0]!, sets[1]!);
      expect(Math.abs(estimatedJaccard(a!, b!) - is), String(is)).toBeLessThan(0.19);
    }
  });

  it('have keys that do not depend on the order of their shingles', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(2 ** 32 - 1), { minLength: 1 }), (shingles) => {
        const [one, other] = [shingles, shingles.toReversed()].map((set) => minHashes(Uint32Array.from(set)));
        expect(bandKeys(one!)).toEqual(bandKeys(other!));
      }),
      { numRuns: 30 },
    );
  });
});
