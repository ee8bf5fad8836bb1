import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wideOf } from '../../../numeric/columns.ts';
import { openProducts, type Products } from '../../../numeric/linalg/gemm.ts';
import { gatherRows, type Matrix } from '../../../numeric/linalg/matrix.ts';
import { createRandom } from '../../../numeric/philox.ts';
import { leverageScores } from './leverage.ts';

let products: Products;
beforeAll(async () => {
  products = await openProducts();
});
afterAll(() => products.release());

/** Rows of falling spread along the features. */
function cloud(rows: number, width: number): Matrix {
  const random = createRandom(rows, 'test/leverage');
  const data = Float32Array.from({ length: rows * width }, (_, at) => 5 + random.normal() / (1 + (at % width)));
  return { data, rows, width };
}

const all = (): boolean => true;
const scoresOf = (matrix: Matrix, how = { energy: 0.9, isStandardised: true }, isIn: (row: number) => boolean = all) =>
  leverageScores(wideOf(matrix), isIn, how, products);

/** Turns the plane of every two neighbouring features by an angle of its own. */
function rotated({ data, rows, width }: Matrix): Matrix {
  const turned = data.slice();
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t + 1 < width; t += 2) {
      const [x, y] = [data[row * width + t]!, data[row * width + t + 1]!];
      const [c, s] = [Math.cos(1 + t), Math.sin(1 + t)];
      turned[row * width + t] = c * x - s * y;
      turned[row * width + t + 1] = s * x + c * y;
    }
  }
  return { data: turned, rows, width };
}

describe.each([
  ['more rows than features', cloud(2500, 8)],
  ['more features than rows', cloud(12, 30)],
])('leverage of %s', (_, matrix) => {
  it('sums to k', async () => {
    const { scores, k } = await scoresOf(matrix);
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(k, 4);
    expect(k).toBeGreaterThan(1);
    expect(k).toBeLessThanOrEqual(Math.min(matrix.rows, matrix.width));
  });

  it('does not change with a rotation of features that are only centred', async () => {
    const how = { energy: 0.9, isStandardised: false };
    const [straight, turned] = [await scoresOf(matrix, how), await scoresOf(rotated(matrix), how)];
    expect(turned.k).toBe(straight.k);
    straight.scores.forEach((score, row) => {
      expect(turned.scores[row]!).toBeCloseTo(score, 4);
    });
  });

  it('follows its rows when they are reordered', async () => {
    const order = createRandom(1, 'test/order').sample(matrix.rows, matrix.rows);
    const [straight, shuffled] = [await scoresOf(matrix), await scoresOf(gatherRows(matrix, order))];
    order.forEach((from, to) => {
      expect(shuffled.scores[to]!).toBeCloseTo(straight.scores[from]!, 5);
    });
  });

  it('leaves rows out that do not count', async () => {
    const odd = [...Array(matrix.rows).keys()].filter((row) => row % 2 === 1);
    const [some, alone] = [
      await scoresOf(matrix, undefined, (row) => row % 2 === 1),
      await scoresOf(gatherRows(matrix, odd)),
    ];
    expect(some.k).toBe(alone.k);
    expect(odd.map((row) => some.scores[row])).toEqual([...alone.scores]);
    expect(some.scores[0]).toBeNaN();
  });
});

it('knows rows without any spread', async () => {
  const { scores, k } = await scoresOf({ data: new Float32Array(12).fill(3), rows: 4, width: 3 });
  expect([[...scores], k]).toEqual([[0, 0, 0, 0], 0]);
});
