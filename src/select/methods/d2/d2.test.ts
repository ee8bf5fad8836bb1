import { describe, expect, it } from 'vitest';
import { wideOf } from '../../../numeric/columns.ts';
import { type NeighbourTable, nearestRows } from '../../../numeric/neighbour-table.ts';
import { createRandom } from '../../../numeric/philox.ts';
import type { SelectorInput } from '../../selector.ts';
import { selectBy } from '../find.ts';
import { densitySampler, forwardMessages, pickGreedily, pickWithStandby } from './message-passing.ts';

function pool(score: number[], points: number[][]): SelectorInput {
  return {
    rows: score.length,
    columns: {
      aum: { kind: 'f32', width: 1, data: Float32Array.from(score) },
      hidden: { kind: 'f32', width: points[0]?.length ?? 1, data: Float32Array.from(points.flat()) },
    },
  };
}

const select = (input: SelectorInput, budget: number, options = {}) =>
  selectBy('d2', input, { neighbours: 2, ...options }, { budget, seed: 1 });

/** Every pick by the definition, without a heap. */
function byHand(start: Float64Array, { k, rows, squares }: NeighbourTable, gamma: number, count: number): number[] {
  const values = [...start];
  const picked: number[] = [];
  while (picked.length < count) {
    const free = [...values.keys()].filter((i) => !picked.includes(i));
    const best = free.reduce((a, b) => (values[b]! > values[a]! ? b : a));
    picked.push(best);
    for (let at = best * k; at < (best + 1) * k; at++)
      values[rows[at]!]! -= Math.exp(-gamma * squares[at]!) * values[best]!;
  }
  return picked;
}

describe('d2', () => {
  it('pushes the twin of a kept row down (P9)', async () => {
    const input = pool([5, 4.9, 1, 0.9], [[0], [0], [50], [99]]);
    expect([...(await select(input, 2, { neighbours: 1 })).kept]).not.toContain(1);
    expect([...(await select(input, 2, { neighbours: 0 })).kept]).toEqual([0, 1]);
  });

  it('is the definition, pick by pick, and a prefix of itself', async () => {
    const random = createRandom(7, 'test/d2');
    const rows = 60;
    const points = { data: Float32Array.from({ length: rows * 3 }, () => random.normal()), rows, width: 3 };
    const score = Float64Array.from({ length: rows }, () => random.normal());
    const near = await nearestRows(wideOf(points), { k: 5, search: 'exact' });
    const start = forwardMessages(score, near);
    expect([...pickGreedily(start, near, 0.4, 60)]).toEqual(byHand(start, near, 0.4, 60));
    for (const pick of [pickGreedily, pickWithStandby]) {
      const all = pick(start, near, 0.4, 60);
      expect(new Set(all).size).toBe(60);
      expect([...all.subarray(0, 20)]).toEqual([...pick(start, near, 0.4, 20)]);
    }
  });

  it('says when distances are too large for messages', async () => {
    const input = pool(
      [1, 2, 3],
      [
        [0, 1],
        [100, 7],
        [9, 200],
      ],
    );
    const far = await select(input, 2);
    expect([...far.kept]).toEqual([2, 1]);
    expect(far.notes.join()).toContain('ranking by score');
    expect((await select(input, 2, { normalise: 'unit' })).notes).toEqual([]);
  });

  it('in its standby variant is no exact greedy, though it keeps as many', async () => {
    const random = createRandom(9, 'test/d2');
    const points = Array.from({ length: 80 }, () => [random.normal(), random.normal()]);
    const input = pool(
      points.map(() => random.uniform()),
      points,
    );
    const exact = await select(input, 30, { neighbours: 5 });
    const standby = await select(input, 30, { neighbours: 5, variant: 'standby' });
    expect(standby.kept).toHaveLength(30);
    expect(standby.kept).not.toEqual(exact.kept);
    expect((await select(input, 80, { variant: 'standby' })).kept).toHaveLength(80);
  });

  it('samples by density in four modes', async () => {
    const points = { data: Float32Array.of(0, 1, 5), rows: 3, width: 1 };
    const near = await nearestRows(wideOf(points), { k: 1, search: 'exact' });
    const of = (graph: 'sum' | 'product', sampling: 'weighted' | 'absolute') =>
      densitySampler([2, 1, 3], near, { graph, sampling }, 1, 3);
    const e = Math.exp(-1);
    const f = Math.exp(-4);
    const sum = of('sum', 'weighted');
    const digits = (values: Iterable<number>) => [...values].map((value) => Number(value.toFixed(9)));
    expect(digits(sum.start)).toEqual(digits([2 + e, 1 + 2 * e + 3 * f, 3 + f]));
    expect(digits(of('product', 'absolute').start)).toEqual(digits([2 * e, 2 * e + 3 * f, 3 * f]));
    expect([...sum.picked]).toEqual([2, 0, 1]);
  });
});
