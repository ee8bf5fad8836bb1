import { describe, expect, it } from 'vitest';
import { wideOf } from './columns.ts';
import { type Matrix, squaredDistance } from './linalg/matrix.ts';
import { nearestRows } from './neighbour-table.ts';
import { createRandom } from './philox.ts';

/** Points around a few centres, with a twin for some. */
function cloud(rows: number, width: number): Matrix {
  const random = createRandom(11, 'test/cloud');
  const data = Float32Array.from(
    { length: rows * width },
    (_, i) => 3 * ((Math.floor(i / width) * 7) % 5) + random.normal(),
  );
  data.copyWithin(width, 0, width);
  return { data, rows, width };
}

function byHand(points: Matrix, row: number, k: number): number[] {
  return Array.from({ length: points.rows }, (_, other) => other)
    .filter((other) => other !== row)
    .map((other) => ({ other, square: squaredDistance(points, row, points, other) }))
    .sort((a, b) => a.square - b.square || a.other - b.other)
    .slice(0, k)
    .map(({ other }) => other);
}

describe('nearestRows', () => {
  it('is what comparing all pairs gives, twins included', async () => {
    const points = cloud(700, 6);
    const { rows, squares } = await nearestRows(wideOf(points), { k: 5, search: 'exact' });
    for (const row of [0, 1, 2, 350, 699])
      expect([...rows.subarray(row * 5, row * 5 + 5)]).toEqual(byHand(points, row, 5));
    expect([rows[0], squares[0]]).toEqual([1, 0]);
  });

  it('has no more neighbours than there are', async () => {
    const { rows, squares } = await nearestRows(wideOf(cloud(3, 2)), { k: 4 });
    expect([...rows.subarray(8)]).toEqual([0, 1, -1, -1]);
    expect(squares[11]).toBe(Number.POSITIVE_INFINITY);
    expect((await nearestRows(wideOf(cloud(1, 2)), { k: 2 })).rows).toEqual(Int32Array.of(-1, -1));
    expect((await nearestRows(wideOf({ data: new Float32Array(0), rows: 0, width: 3 }), { k: 2 })).rows).toHaveLength(
      0,
    );
  });

  it('finds nearly all when it is approximate, the same for the same seed', async () => {
    const points = cloud(4000, 8);
    const exact = await nearestRows(wideOf(points), { k: 5, search: 'exact' });
    const near = await nearestRows(wideOf(points), { k: 5, search: 'approximate' });
    let found = 0;
    for (let row = 0; row < points.rows; row++) {
      const own = new Set(exact.rows.subarray(row * 5, row * 5 + 5));
      for (const other of near.rows.subarray(row * 5, row * 5 + 5)) if (own.has(other)) found++;
    }
    expect(found / exact.rows.length).toBeGreaterThan(0.9);
    expect((await nearestRows(wideOf(points), { k: 5, search: 'approximate' })).rows).toEqual(near.rows);
    // Of points that aren't in memory the cells are others, and as good.
    const { held: _, ...streamed } = wideOf(points);
    const far = await nearestRows(streamed, { k: 5, search: 'approximate' });
    const shared = far.rows.filter((row, at) => exact.rows.subarray(at - (at % 5), at - (at % 5) + 5).includes(row));
    expect(shared.length / far.rows.length).toBeGreaterThan(0.9);
  });
});
