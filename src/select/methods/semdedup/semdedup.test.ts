import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { unitRows } from '../../../numeric/linalg/matrix.ts';
import { createRandom } from '../../../numeric/philox.ts';
import type { SelectorInput } from '../../selector.ts';
import { selectBy } from '../find.ts';
import { chainSimilarity, groupSimilarity } from './duplicates.ts';

/** Points on the unit circle, all in one cluster. */
function circle(degrees: number[]): SelectorInput {
  const data = degrees.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]);
  return {
    rows: degrees.length,
    columns: {
      hidden: { kind: 'f32', width: 2, data: Float32Array.from(data) },
      label: { kind: 'i32', width: 1, data: new Int32Array(degrees.length) },
    },
  };
}

const select = (input: SelectorInput, options: Record<string, unknown>, budget = input.rows) =>
  selectBy('semdedup', input, { labels: 'label', ...options }, { budget, seed: 1 });

describe('semdedup', () => {
  it('keeps one of a chain of similar rows, the farthest from the centroid', async () => {
    for (const variant of ['group', 'chain']) {
      const { kept, shortfall } = await select(circle([0, 10, 20, 65, 100]), { variant, eps: 0.02 });
      expect([...kept].sort()).toEqual([0, 3, 4]);
      expect(shortfall).toMatchObject({ missing: 2 });
      expect(shortfall!.because).toContain('2 rows have a duplicate within eps 0.02');
    }
  });

  it('keeps the first of two that are alone in their cluster, being equally far from its centroid', async () => {
    const random = createRandom(4, 'test/pairs');
    const data = new Float32Array(40 * 7);
    for (let i = 0; i < 20 * 7; i++) {
      const at = 14 * Math.floor(i / 7) + (i % 7);
      data[at] = random.normal();
      data[at + 7] = data[at]! + 0.1 * random.normal();
    }
    const label = Int32Array.from({ length: 40 }, (_, row) => row >> 1);
    const input: SelectorInput = {
      rows: 40,
      columns: { hidden: { kind: 'f32', width: 7, data }, label: { kind: 'i32', width: 1, data: label } },
    };
    const { kept } = await select(input, { eps: 0.5 });
    expect([...kept]).toEqual(Array.from({ length: 20 }, (_, pair) => 2 * pair));
  });

  it('differs by variant where a later row links two earlier ones', async () => {
    // The farthest are 0 and 20; 10 lies between them and is similar to both, they are not to each other. 100 pulls the
    // centroid.
    const input = circle([0, 13, 10, 100, 100, 100, 100]);
    const at = (variant: string) => select(input, { variant, eps: 0.02 });
    expect([...(await at('group')).kept]).toContain(0);
    const links = circle([-10, 10, 0]);
    expect([...(await select(links, { variant: 'chain', eps: 0.02 })).kept].sort()).toEqual([0, 1]);
    expect((await select(links, { variant: 'group', eps: 0.02 })).kept).toHaveLength(1);
  });

  it('finds the eps for a budget by itself, exactly', async () => {
    const input = circle([0, 1, 40, 43, 90, 98, 160]);
    expect((await select(input, {}, 6)).kept).toHaveLength(6);
    const { kept, reasons, shortfall } = await select(input, {}, 4);
    expect(kept).toHaveLength(4);
    expect(shortfall).toBeUndefined();
    expect(reasons.filter(({ code }) => code === 'duplicate')).toHaveLength(3);
  });

  it('keeps at most one of identical rows (P9), and nothing less as eps grows', async () => {
    const random = createRandom(4, 'test/semdedup');
    const degrees = Array.from({ length: 40 }, () => 360 * random.uniform());
    const input = circle([...degrees, ...degrees]);
    let before = 80;
    for (const eps of [1e-6, 1e-4, 1e-2, 0.1]) {
      for (const variant of ['group', 'chain']) {
        const { kept } = await select(input, { eps, variant });
        expect(new Set([...kept].map((row) => row % 40)).size).toBe(kept.length);
      }
      const { kept } = await select(input, { eps });
      expect(kept.length).toBeLessThanOrEqual(before);
      before = kept.length;
    }
  });

  it('uses a cluster for about 66 rows unless told otherwise', async () => {
    const random = createRandom(6, 'test/semdedup');
    const data = Float32Array.from({ length: 660 * 8 }, () => random.normal());
    const input: SelectorInput = { rows: 660, columns: { hidden: { kind: 'f32', width: 8, data } } };
    const { perCluster } = await selectBy('semdedup', input, {}, { budget: 100, seed: 1 });
    expect(perCluster).toHaveLength(10);
  });
});

describe('similarities', () => {
  it('are what their definitions say, row by row', async () => {
    const products = await openProducts();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 25 }), fc.nat(), async (rows, seed) => {
        const random = createRandom(seed % 2 ** 31, 'test/similarity');
        const points = unitRows({
          data: Float32Array.from({ length: rows * 3 }, () => random.normal()),
          rows,
          width: 3,
        });
        const order = Int32Array.from({ length: rows }, (_, row) => row);
        const cosines = await products.dots(points, points);
        const chain = await chainSimilarity(points, order, products);
        const group = await groupSimilarity(points, order, products);
        for (const tau of [-0.5, 0, 0.5, 0.9]) {
          // Connected components above tau, by following links.
          const first = order.slice();
          for (let pass = 0; pass < rows; pass++) {
            for (let i = 0; i < rows; i++) {
              for (let j = 0; j < rows; j++) {
                if (i !== j && cosines[i * rows + j]! > tau) first[i] = Math.min(first[i]!, first[j]!);
              }
            }
          }
          for (let j = 0; j < rows; j++) {
            expect(group[j]! > tau).toBe(first[j] !== j);
            const similar = order.some((i) => i < j && cosines[j * rows + i]! > tau);
            expect(chain[j]! > tau).toBe(similar);
          }
        }
      }),
      { numRuns: 30 },
    );
    await products.release();
  });
});
