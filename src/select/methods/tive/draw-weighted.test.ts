import { expect, it } from 'vitest';
import { createRandom } from '../../../numeric/philox.ts';
import { drawWeighted } from './draw-weighted.ts';

it('draws the first in proportion to the weights, the second to what is left', () => {
  const weights = [0.5, 0.3, 0.2];
  const logs = weights.map(Math.log);
  const random = createRandom(1, 'test');
  const first = [0, 0, 0];
  let zeroThenOne = 0;
  const runs = 20_000;
  for (let i = 0; i < runs; i++) {
    const [a, b] = drawWeighted(logs, 2, random);
    first[a!]!++;
    if (a === 0 && b === 1) zeroThenOne++;
  }
  // Chi-square with 2 degrees of freedom: 13.8 is passed once in a thousand.
  const chi = first.reduce((sum, n, i) => sum + (n - runs * weights[i]!) ** 2 / (runs * weights[i]!), 0);
  expect(chi).toBeLessThan(13.8);
  expect(zeroThenOne / runs).toBeCloseTo(0.5 * (0.3 / 0.5), 1);
});

it('draws no row twice, and all when asked for more', () => {
  const drawn = drawWeighted(new Float64Array(5), 9, createRandom(2, 'test'));
  expect([...drawn].sort()).toEqual([0, 1, 2, 3, 4]);
});
