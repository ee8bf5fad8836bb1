/** What official variants break, by example; the contract holds for the defaults. */
import { expect, it } from 'vitest';
import type { Column } from '../numeric/columns.ts';
import { selectBy } from './registry.ts';

const scalars = (...values: number[]): Column => ({ kind: 'f32', width: 1, data: Float32Array.from(values) });

it('ifd official takes its share of the rows that survive, below the budget', async () => {
  const columns = { nll_mm: scalars(1, 2, 3, 1), nll_direct: scalars(2, 1, 4, 2) };
  const official = await selectBy('ifd', { rows: 4, columns }, { variant: 'official' }, { budget: 2, seed: 1 });
  expect(official.shortfall?.missing).toBe(1);
  expect((await selectBy('ifd', { rows: 4, columns }, {}, { budget: 2, seed: 1 })).shortfall).toBeUndefined();
});

it('self-filter official lifts the twin of a pick of negative difficulty', async () => {
  const vector: Column = { kind: 'f32', width: 2, data: Float32Array.from([1, 0, 0, 1, 1, 0]) };
  const columns = { selffilter: scalars(-1, -2, -2.5), clip_image: vector, clip_text: vector };
  const run = async (variant: string): Promise<number[]> => {
    const { kept } = await selectBy('self-filter', { rows: 3, columns }, { variant }, { budget: 2, seed: 1 });
    return [...kept];
  };
  expect(await run('official')).toEqual([0, 2]);
  expect(await run('paper')).toEqual([0, 1]);
});

it('coido official leaves places empty that a source without scores has', async () => {
  const columns = { coido: scalars(1, 2, Number.NaN, Number.NaN) };
  const input = { rows: 4, columns, source: ['a', 'a', 'b', 'b'] };
  expect((await selectBy('coido', input, { variant: 'official' }, { budget: 2, seed: 1 })).kept).toHaveLength(1);
  expect((await selectBy('coido', input, {}, { budget: 2, seed: 1 })).kept).toHaveLength(2);
});

it('tive official repeats rows of a source with more quota than rows', async () => {
  const gradient: Column = { kind: 'f32', width: 2, data: Float32Array.from({ length: 12 }, (_, i) => 1 + i) };
  const columns = { gradient_norm: scalars(9, 1, 1, 1, 1, 1), gradient_last: gradient };
  const input = { rows: 6, columns, source: ['a', 'b', 'b', 'b', 'b', 'b'] };
  const official = await selectBy('tive', input, { variant: 'official' }, { budget: 4, seed: 1 });
  expect(new Set(official.kept).size).toBeLessThan(official.kept.length);
  const paper = await selectBy('tive', input, {}, { budget: 4, seed: 1 });
  expect(new Set(paper.kept).size).toBe(4);
});
