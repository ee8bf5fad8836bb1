import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitLexical } from './lexical.ts';

const CORPUS = [
  'What colour is the large square?',
  'What colour is the small circle?',
  'How many circles are left of the triangle?',
  'Describe the image in one sentence.',
];

function cosine(vectors: Float32Array, dim: number, i: number, j: number): number {
  let sum = 0;
  for (let c = 0; c < dim; c++) sum += vectors[i * dim + c]! * vectors[j * dim + c]!;
  return sum;
}

describe('the lexical encoder', () => {
  it('puts texts with the same rare words closer than texts with the same common words', async () => {
    const encoder = await fitLexical(CORPUS);
    const v = await encoder.encode(CORPUS);
    expect(cosine(v, encoder.dim, 0, 1)).toBeGreaterThan(cosine(v, encoder.dim, 0, 2));
    expect(cosine(v, encoder.dim, 0, 2)).toBeGreaterThan(-0.2);
    expect(cosine(v, encoder.dim, 0, 3)).toBeLessThan(0.3);
  });

  it('gives unit vectors for texts with a word and zeros for the others, whatever the batch', async () => {
    const encoder = await fitLexical(CORPUS);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 }), async (texts) => {
        const all = await encoder.encode(texts);
        for (const [i, text] of texts.entries()) {
          const alone = await encoder.encode([text]);
          const row = all.subarray(i * encoder.dim, (i + 1) * encoder.dim);
          expect(row).toEqual(alone);
          const norm = Math.sqrt(cosine(alone, encoder.dim, 0, 0));
          expect(/[\p{L}\p{N}]/u.test(text.normalize('NFKC')) ? Math.abs(norm - 1) < 1e-5 : norm < 1 + 1e-5).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
    expect((await encoder.encode(['', ' ?! '])).every((x) => x === 0)).toBe(true);
  });

  it('ignores case and compatibility forms, not word order', async () => {
    const encoder = await fitLexical(CORPUS);
    const v = await encoder.encode(['The Large SQUARE', 'the large square', 'square large the', 'ﬁne', 'fine']);
    expect(cosine(v, encoder.dim, 0, 1)).toBeCloseTo(1, 5);
    expect(cosine(v, encoder.dim, 0, 2)).toBeLessThan(0.99);
    expect(cosine(v, encoder.dim, 3, 4)).toBeCloseTo(1, 5);
  });

  it('has a revision that follows the corpus, and the same numbers for the same corpus', async () => {
    const [a, b] = [await fitLexical(CORPUS), await fitLexical(CORPUS)];
    const other = await fitLexical(CORPUS.slice(1));
    expect(a.revision).toBe(b.revision);
    expect(a.revision).not.toBe(other.revision);
    expect(await a.encode(CORPUS)).toEqual(await b.encode(CORPUS));
    expect(await a.encode(CORPUS)).not.toEqual(await other.encode(CORPUS));
  });
});
