import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkpointSteps, layOut, learningRate, sampleOrder } from './schedule.ts';

const golden = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/goldens/configs/${name}.json`, import.meta.url), 'utf8'));

describe('checkpoints', () => {
  it.each(golden('ckpt_schedule').cases as { S: number; T: number; steps?: number[] }[])('of $S steps, $T', (c) => {
    if (c.steps === undefined)
      expect(() => checkpointSteps(c.S, c.T)).toThrow(new RegExp(`^${c.T} checkpoints .* has ${c.S}\\.$`));
    else expect(checkpointSteps(c.S, c.T)).toEqual(c.steps);
  });

  it('rise, end at the last step, and lie within half a step of even', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 100_000 }), (T, more) => {
        const S = T + more;
        const steps = checkpointSteps(S, T);
        expect(steps.at(-1)).toBe(S);
        steps.forEach((step, i) => {
          expect(Math.abs(step - ((i + 1) * S) / T)).toBeLessThanOrEqual(0.5);
          if (i > 0) expect(step).toBeGreaterThan(steps[i - 1]!);
        });
      }),
    );
  });
});

describe('order', () => {
  const { cases, layout } = golden('sample_order');
  it.each(cases as { ids: string[]; seed: number; epoch: number; order: string[] }[])(
    'of seed $seed, epoch $epoch',
    ({ ids, seed, epoch, order }) => {
      expect(sampleOrder(ids, seed, epoch).map((i) => ids[i])).toEqual(order);
      const turned = [...ids].reverse();
      expect(sampleOrder(turned, seed, epoch).map((i) => turned[i])).toEqual(order);
    },
  );

  it('is cut into steps, micro-batches and ranks', () => {
    const how = { microBatch: layout.B, ranks: layout.N, accumulate: layout.G } as const;
    const { batches, tail } = layOut(cases[0].order as string[], { ...how, tail: 'dropped' });
    expect(batches.map(({ items, ...rest }) => ({ ...rest, ids: items }))).toEqual(layout.rows);
    expect(tail).toEqual(layout.tail_ids);
    const kept = layOut(cases[0].order as string[], how).batches;
    expect(kept.slice(batches.length)).toEqual([
      { step: 3, micro: 0, rank: 0, items: ['s007'] },
      { step: 3, micro: 0, rank: 1, items: ['s000'] },
    ]);
  });

  it('loses no sample and repeats none', () => {
    const size = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), size, size, size, (n, microBatch, ranks, accumulate) => {
        const order = Array.from({ length: n }, (_, i) => i);
        const { batches } = layOut(order, { microBatch, ranks, accumulate });
        expect(batches.flatMap(({ items }) => items).sort((a, b) => a - b)).toEqual(order);
        for (const { items } of batches) expect(items.length).toBeLessThanOrEqual(microBatch);
      }),
    );
  });
});

it('warms up and falls as a cosine', () => {
  const options = { peak: 1, warmup: 0.1, schedule: 'cosine' } as const;
  const rates = Array.from({ length: 100 }, (_, i) => learningRate(i + 1, 100, options));
  expect(rates[0]).toBe(0);
  expect(rates[5]).toBeCloseTo(0.5, 12);
  expect(rates[10]).toBe(1);
  expect(rates[55]).toBeCloseTo(0.5, 12);
  expect(rates.at(-1)).toBeLessThan(1e-3);
  expect(learningRate(50, 100, { ...options, schedule: 'constant' })).toBe(1);
});
