import { describe, expect, it } from 'vitest';
import { hesselScore, rowCosines } from '../methods/clip-score.ts';
import { selectBy } from '../methods/find.ts';
import type { SelectorInput } from '../selector.ts';

function pool(column: string, values: number[], width = 1): SelectorInput {
  return {
    rows: values.length / width,
    columns: { [column]: { kind: 'f32', width, data: Float32Array.from(values) } },
  };
}

const kept = async (method: string, input: SelectorInput, options: Record<string, unknown>, budget: number) => [
  ...(await selectBy(method, input, options, { budget, seed: 1 })).kept,
];

describe('el2n and aum', () => {
  const broken = [0.5, Number.NaN, 0.1, 0.9];

  it('keep either end, or a window above the smallest', async () => {
    for (const method of ['el2n', 'aum']) {
      const input = pool(method, [0.5, 0.7, 0.1, 0.9]);
      expect(await kept(method, input, {}, 2)).toEqual([1, 3]);
      expect(await kept(method, input, { keep: 'min' }, 2)).toEqual([0, 2]);
      expect(await kept(method, input, { keep: 'min', offset: 1 }, 2)).toEqual([0, 1]);
    }
  });

  it('in the official variant take a broken row for the easiest, and keep it before others (P8)', async () => {
    const input = pool('el2n', broken);
    expect(await kept('el2n', input, { keep: 'min' }, 1)).toEqual([2]);
    expect(await kept('el2n', input, { keep: 'min', variant: 'official' }, 1)).toEqual([1]);
    expect(await kept('el2n', input, { variant: 'official' }, 3)).toEqual([0, 2, 3]);
  });

  it('refuse an offset that means nothing', async () => {
    await expect(kept('el2n', pool('el2n', broken), { offset: 1 }, 1)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });
});

describe('mid-ppl', () => {
  const losses = Array.from({ length: 10 }, (_, row) => row / 10);

  it('keeps the middle, whatever the parities', async () => {
    const input = pool('nll_mm', losses);
    expect(await kept('mid-ppl', input, {}, 4)).toEqual([3, 4, 5, 6]);
    expect(await kept('mid-ppl', input, {}, 3)).toEqual([3, 4, 5]);
    expect(await kept('mid-ppl', input, {}, 10)).toHaveLength(10);
  });

  it('takes the mean of a trajectory', async () => {
    const input = pool('nll_trajectory', [1, 3, 0, 0, 5, 1], 2);
    expect(await kept('mid-ppl', input, { column: 'nll_trajectory' }, 1)).toEqual([0]);
  });

  it('in the official variant falls short above 67 %, and says so (P2)', async () => {
    const { kept: rows, shortfall } = await selectBy(
      'mid-ppl',
      pool('nll_mm', losses),
      { variant: 'official' },
      { budget: 9, seed: 1 },
    );
    expect([...rows]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(shortfall).toEqual({ missing: 2, because: 'the window begins at rank 4 of 10' });
  });
});

describe('clip-score', () => {
  it('is 0 without a direction, and ties negatives by the form of Hessel', async () => {
    const image = { data: Float32Array.of(1, 0, 0, 0, 1, 0, 1, 1), rows: 4, width: 2 };
    const text = { data: Float32Array.of(2, 0, 1, 1, -1, 1, -1, -3), rows: 4, width: 2 };
    const cosines = [...rowCosines(image, text)];
    [1, 0, -Math.SQRT1_2, -0.894427].forEach((cosine, row) => {
      expect(cosines[row]).toBeCloseTo(cosine, 5);
    });
    expect(cosines.map(hesselScore)).toEqual([2.5, 0, 0, 0]);
    expect(() => rowCosines(image, { ...text, width: 4, rows: 2 })).toThrow(/columns of one model/);
  });
});
