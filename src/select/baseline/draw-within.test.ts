import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { drawWithin } from './draw-within.ts';
import { randomBaseline } from './random-subsets.ts';

describe('random subsets beside a composed selection', () => {
  const sources = Array.from({ length: 100 }, (_, row) => (row < 70 ? 'web' : 'book'));
  const groups = Int32Array.from(sources, (source) => (source === 'book' ? 0 : 1));
  const tokens = Float64Array.from({ length: 100 }, (_, row) => 1 + (row % 9));

  it('hold the lists, the bounds and the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 20, max: 90 }), (seed, limit) => {
        const order = createRandom(seed, 'test/draw').sample(100, 100);
        const always = Int32Array.of(3, 99);
        const bounds = [
          { least: 4, most: 4 },
          { least: 0, most: 30 },
        ];
        const drawn = drawWithin(order, 25, { always, groups, bounds });
        expect(drawn).toHaveLength(25);
        expect([...drawn]).toEqual([...new Set(drawn)].sort((a, b) => a - b));
        expect(drawn.includes(3) && drawn.includes(99)).toBe(true);
        expect(drawn.filter((row) => row >= 70)).toHaveLength(4);
        const cheap = drawWithin(order, 100, {
          always,
          groups: groups.map(() => -1),
          bounds: [],
          cost: { tokens, limit },
        });
        expect(cheap.reduce((sum, row) => sum + tokens[row]!, 0)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('are uniform, and stratified where sources differ', () => {
    const limits = { always: Int32Array.of(0), groups: groups.map(() => -1), bounds: [] };
    const share = (rows: Int32Array) => rows.filter((row) => row >= 70).length / rows.length;
    const [uniform, stratified] = randomBaseline({
      rows: 100,
      budget: 20,
      statistics: { share },
      source: sources,
      limits,
    });
    expect([uniform!.kind, stratified!.kind]).toEqual(['uniform', 'stratified']);
    expect(new Set(uniform!.statistics.share!.values).size).toBeGreaterThan(3);
    for (const value of stratified!.statistics.share!.values) expect(Math.abs(value - 0.3)).toBeLessThanOrEqual(0.05);
  });
});
