import { describe, expect, it } from 'vitest';
import type { SelectorInput } from '../selector.ts';
import { parseOptions, selectBy } from './find.ts';
import { weighted } from './weighted.ts';

const numbers = (...values: number[]) => ({ kind: 'f32' as const, width: 1, data: Float32Array.from(values) });
const input: SelectorInput = {
  rows: 5,
  columns: { a: numbers(10, 20, 20, 1000, 5), b: numbers(4, 3, 2, Number.NaN, 1) },
};
const scores = async (options: Record<string, unknown>) => {
  const { reasons } = await selectBy('weighted', input, options, { budget: 5, seed: 1 });
  return reasons.map(({ score }) => score);
};

describe('a weighted sum', () => {
  it('adds places among the rows that have all columns, equal values sharing theirs', async () => {
    // a ranks 5 < 10 < 20 = 20, b ranks 1 < 2 < 3 < 4; row 3 has no b.
    expect(await scores({ weights: 'a=3,b=1' })).toEqual([1 + 1, 2.5 + 2 / 3, 2.5 + 1 / 3, undefined, 0]);
    const { kept, shortfall } = await selectBy('weighted', input, { weights: { a: 3, b: 1 } }, { budget: 5, seed: 1 });
    expect([...kept]).toEqual([1, 2, 0, 4]);
    expect(shortfall).toMatchObject({ missing: 1, because: expect.stringContaining('no finite `a, b`') });
  });

  it('adds distances from the mean in standard deviations', async () => {
    const [mean, spread] = [13.75, Math.sqrt((3.75 ** 2 + 2 * 6.25 ** 2 + 8.75 ** 2) / 3)];
    const found = await scores({ weights: 'a=-2,b=1', normalise: 'z-score' });
    const b = (2.5 - 3) / -Math.sqrt(5 / 3);
    expect(found[1]).toBeCloseTo((-2 * (20 - mean)) / spread + b, 10);
    expect(await scores({ weights: 'a=1', normalise: 'z-score' })).not.toContain(Number.NaN);
  });

  it('is 0 for a column of one value, and takes no outlier to heart by rank', async () => {
    const flat = { ...input, columns: { ...input.columns, b: numbers(1, 1, 1, 1, 1) } };
    const { reasons } = await selectBy(
      'weighted',
      flat,
      { weights: 'b=1', normalise: 'z-score' },
      { budget: 5, seed: 1 },
    );
    expect(reasons.map(({ score }) => score)).toEqual([0, 0, 0, 0, 0]);
    expect(await scores({ weights: 'a=1' })).toEqual([0.25, 0.625, 0.625, 1, 0]);
  });

  it.each(['a', 'a=', 'a=x', '=1', 'a=0', '', {}, { a: 0 }, undefined])('refuses weights of %j', (weights) => {
    expect(() => parseOptions(weighted as never, { weights })).toThrow(/write COLUMN=WEIGHT/);
  });
});
