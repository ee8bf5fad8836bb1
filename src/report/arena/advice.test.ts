import { describe, expect, it } from 'vitest';
import type { ArenaMethod, ArenaResult } from '../../experiment/arena/result.ts';
import { adviceOf } from './advice.ts';

const QUANTITIES = [
  { name: 'signal/loss', group: 'signal', title: 'loss', pool: 1, spread: 1 },
  { name: 'fault/any', group: 'fault', title: 'any planted fault', pool: 0.1, spread: 0.3 },
  { name: 'composition/source', group: 'composition', title: 'make-up by source', pool: 0, spread: Number.NaN },
];

/** A method with a distance, its p, its share of faults where random subsets have 5 to 15 %, and a lopsided source. */
function method(id: string, distance: number, adjusted: number, faults: number, lopsided = false): ArenaMethod {
  const quantity = (value: number, lo: number, hi: number, z: number, outside = false) => ({
    value,
    lo,
    hi,
    z,
    outside,
  });
  return {
    id,
    method: id,
    kept: 10,
    distance: { value: distance, random: 2, lo: 1, hi: 3, p: adjusted, adjusted },
    quantities: [
      quantity(2, 0.9, 1.1, distance, true),
      quantity(faults, 0.05, 0.15, 1),
      quantity(0.1, 0, 0.05, 2, lopsided),
    ],
  } as unknown as ArenaMethod;
}

const result = (methods: ArenaMethod[], draws = 1000): ArenaResult =>
  ({ quantities: QUANTITIES, methods, draws }) as unknown as ArenaResult;

describe('the method to try first', () => {
  it('is unlike random, and the one with the least against it, however far the others are', () => {
    const advice = adviceOf(
      result([
        method('like-random', 30, 0.2, 0),
        method('faulty', 20, 0.001, 0.4),
        method('lopsided', 15, 0.001, 0.05, true),
        method('good', 10, 0.01, 0.08),
        method('better', 9, 0.01, 0.01),
      ]),
    );
    expect(advice.first).toBe('better');
    expect(advice.unlikeRandom.map(({ id }) => id)).toEqual(['faulty', 'lopsided', 'good', 'better']);
    expect(advice.why.join(' ')).toContain('the mean of loss (2.00; random subsets 0.90 to 1.10)');
    expect(advice.why.join(' ')).toContain('1.0 % planted faults (random subsets 5.0 % to 15.0 %)');
  });

  it('says what speaks against the best there is', () => {
    const advice = adviceOf(result([method('faulty', 20, 0.001, 0.4)]));
    expect(advice.first).toBe('faulty');
    expect(advice.why.join(' ')).toContain('Mind that it keeps 40.0 % planted faults');
  });

  it('is none where chance explains everything, or where too few draws were made to tell', () => {
    expect(adviceOf(result([method('a', 2, 0.5, 0)]))).toMatchObject({ first: null, unlikeRandom: [] });
    expect(adviceOf(result([method('a', 2, 0.5, 0)])).why[0]).toContain('a random subset');
    expect(adviceOf(result([method('a', 9, 0.1, 0), method('b', 9, 0.1, 0)], 20)).why[0]).toContain('more --draws');
    expect(adviceOf(result([])).why[0]).toContain('No method could run');
  });
});
