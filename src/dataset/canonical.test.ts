import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson, hashSample } from './canonical.ts';
import type { Part, Sample } from './sample.ts';

const hex = (sample: Sample): string => Buffer.from(hashSample(sample)).toString('hex');
/** Few letters, so that texts often differ in where they end only. */
const word = fc.string({ unit: fc.constantFrom('1', ':', ';', 'image', '\ud800', '"', 'é'), maxLength: 4 });
const part: fc.Arbitrary<Part> = fc.oneof(
  word.map((text): Part => ({ type: 'text', text })),
  fc.constant<Part>({ type: 'image', image: 1 }),
  fc.constant<Part>({ type: 'video', video: 1 }),
);
const sample: fc.Arbitrary<Sample> = fc.record({
  id: word,
  messages: fc.array(
    fc.record({ role: fc.constantFrom('user', 'assistant'), parts: fc.array(part, { maxLength: 3 }) }),
    {
      maxLength: 3,
    },
  ),
  media: fc.record({
    images: fc.array(fc.record({ path: word }), { maxLength: 2 }),
    videos: fc.array(fc.record({ path: word }), { maxLength: 2 }),
  }),
  meta: fc.dictionary(word, word, { maxKeys: 2 }),
});

it('two samples have one hash exactly if they say the same', () => {
  fc.assert(
    fc.property(sample, sample, (a, b) => (hex(a) === hex(b)) === (canonicalJson(a) === canonicalJson(b))),
    { numRuns: 2000 },
  );
});

it('neighbouring texts, a call, and half a surrogate pair are told apart', () => {
  const of = (parts: Part[], call?: true): string => {
    const message = { role: 'assistant' as const, parts, call };
    return hex({ id: 'a', messages: [message], media: { images: [], videos: [] }, meta: {} });
  };
  const text = (words: string): Part => ({ type: 'text', text: words });
  const all = [
    of([text('ab'), text('c')]),
    of([text('a'), text('bc')]),
    of([text('abc')]),
    of([text('abc')], true),
    of([text('\ud800')]),
    of([text('\ud801')]),
    of([text('\ufffd')]),
    of([text('"\\ud800"')]),
  ];
  expect(new Set(all).size).toBe(all.length);
});

it('the order of meta keys says nothing', () => {
  const base = { id: 'a', messages: [], media: { images: [], videos: [] } };
  expect(hex({ ...base, meta: { a: { c: 1, b: 2 }, d: 3 } })).toBe(hex({ ...base, meta: { d: 3, a: { b: 2, c: 1 } } }));
});
