/** Methods on rows so few that their rule can be followed by hand. */
import { describe, expect, it } from 'vitest';
import { type Column, wideOf } from '../../numeric/columns.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import { datainfScores } from './datainf.ts';
import { combinedRank } from './datatailor/datatailor-values.ts';
import { selectBy } from './find.ts';
import { countVotes } from './icons.ts';
import { influenceScores } from './less.ts';
import { planMagic } from './magic.ts';
import { binsOf } from './mmssr.ts';
import { pickTypical } from './typiclust/typicality.ts';

const scalars = (...values: number[]): Column => ({ kind: 'f32', width: 1, data: Float32Array.from(values) });
const matrix = (width: number, ...values: number[]): Matrix => ({
  data: Float32Array.from(values),
  rows: values.length / width,
  width,
});

it('icons: of five scores the percentile 80 is 4.2, which one reaches', () => {
  expect([...countVotes([[1, 2, 3, 4, 5]], 20)]).toEqual([0, 0, 0, 0, 1]);
  // The percentile 30 is the fourth of eleven scores itself.
  const scores = Array.from({ length: 11 }, (_, i) => i / 7);
  expect(countVotes([scores], 70).reduce((sum, n) => sum + n, 0)).toBe(8);
});

it('datainf: a single row gives -(v.g) / (lambda + |g|^2)', async () => {
  const g = [0.6, 0.8];
  const found = await datainfScores([{ train: wideOf(matrix(2, ...g)), target: matrix(2, 1.2, 1.6) }], {
    hessian: 'datainf',
    damping: 10,
  });
  const lambda = 0.5 / 10;
  expect(found[0]).toBeCloseTo(-2 / (lambda + 1), 6);
});

it('less: learning rates of 1.7e-5 and 1.2e-5 weigh .586 and .414', async () => {
  const at = (x: number, y: number, weight: number) => ({
    train: wideOf(matrix(2, x, y)),
    target: matrix(2, 1, 0),
    weight,
  });
  const weighed = await influenceScores([at(1, 0, 1.7e-5), at(0, 1, 1.2e-5)], [0], 1, true);
  expect(weighed[0]).toBeCloseTo(0.5862, 4);
});

it('ifd: an answer that its instruction makes harder, 2 / 1.5, is dropped', async () => {
  const columns = { nll_mm: scalars(2, 1, 0.5), nll_direct: scalars(1.5, 1, 1) };
  const { kept, reasons } = await selectBy('ifd', { rows: 3, columns }, {}, { budget: 3, seed: 1 });
  expect([...kept]).toEqual([1, 2]);
  expect(reasons[0]).toMatchObject({ kept: false, code: 'out-of-range' });
});

it('ifd official: 15 of 22 rows that all survive are 15, though 15 / 22 * 22 is less in floating point', async () => {
  const columns = {
    nll_mm: scalars(...Array.from({ length: 22 }, (_, i) => i + 1)),
    nll_direct: scalars(...Array(22).fill(30)),
  };
  const { kept } = await selectBy('ifd', { rows: 22, columns }, { variant: 'official' }, { budget: 15, seed: 1 });
  expect(kept).toHaveLength(15);
});

it('typiclust: of m rows half are neighbours', async () => {
  const context = { seed: 1 };
  const how = { neighbours: 20, distance: 'squared' } as const;
  const { initial } = await pickTypical(matrix(1, 0, 1, 3, 7, 20), 1, how, context);
  expect(initial[0]).toBeCloseTo(1 / ((1 + 9) / 2 + 1e-5), 6);
});

it('magic: a signature alone has all of the mass', () => {
  const rows = [...Array(7).keys()];
  const values = rows.map((row) => Math.sin(row));
  const how = { stays: 7, eta: 1, temperature: 0.2, capShare: 1 };
  const { buckets } = planMagic(rows, values, values, Array(7).fill(3), 7, how);
  expect(buckets).toMatchObject([{ label: 3, mass: 1, firstQuota: 7 }]);
});

it('mmssr: a row with one style twice counts twice in the published bins, once in ours', () => {
  const styles = [['a', 'a'], ['b'], ['a', 'b']];
  expect(binsOf([2, 0, 1], styles, true)).toEqual([
    [2, 0, 0],
    [1, 2],
  ]);
  expect(binsOf([2, 0, 1], styles, false)).toEqual([
    [2, 0],
    [2, 1],
  ]);
});

it('datatailor: the same ranks in another order are the same score, which goes by row', () => {
  expect(combinedRank([1, 2, 3], 1, 10)).toBe(combinedRank([3, 2, 1], 1, 10));
  expect(combinedRank([4, 2, 2], 2, 10)).toBe(combinedRank([3, 4, 2], 2, 10));
});

describe('dics: the share decides what is spread, not the number of rows', () => {
  // Scores fall by row; features lie on a line, the last row farthest out.
  const rows = 7;
  const falling = Array.from({ length: rows }, (_, row) => 10 - row);
  const columns = {
    vic: scalars(...falling),
    ric: scalars(...falling),
    hidden: scalars(...Array.from({ length: rows }, (_, row) => row)),
  };
  const kept = async (fraction: number) => {
    const budget = Math.floor(fraction * rows);
    return [...(await selectBy('dics', { rows, columns }, {}, { budget, fraction, seed: 1 })).kept];
  };

  it('below a half: the best 2p', async () => {
    // 2 of 7 rows at 2p = .72: a pool of five, where twice the two rows would be four.
    expect(await kept(0.36)).toEqual([4, 0]);
  });
  it('at a half: the best, of an odd number too', async () => {
    expect(await kept(0.5)).toEqual([0, 1, 2]);
  });
  it('above: the best 2p - 1, and the farthest of the others', async () => {
    expect(await kept(0.75)).toEqual([0, 1, 2, 6, 3]);
  });
});
