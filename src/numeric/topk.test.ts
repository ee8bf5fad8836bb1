import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byScore, openTopK, rankRows } from './topk.ts';

describe('top-k', () => {
  it('streams to the same rows as a full sort, ties and missing values included', () => {
    const score = fc.oneof(fc.double(), fc.constantFrom(0, 1, 1, Number.NaN, Number.POSITIVE_INFINITY));
    const direction = fc.constantFrom('asc' as const, 'desc' as const);
    fc.assert(
      fc.property(fc.array(score, { maxLength: 60 }), fc.nat({ max: 70 }), direction, (scores, k, way) => {
        const top = openTopK(k, way);
        scores.forEach((value, row) => {
          top.push(row, value);
        });
        const sorted = scores.map((_, row) => row).sort(byScore(scores, way));
        expect([...top.rows()]).toEqual(sorted.slice(0, k));
        expect([...top.scores()]).toEqual(sorted.slice(0, k).map((row) => scores[row]));
      }),
    );
  });

  it('ranks in single and double precision as the comparison does', () => {
    const score = fc.oneof(
      fc.float(),
      fc.constantFrom(0, -0, 1, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, -1e-45, 3.4e38, -3.4e38),
    );
    const direction = fc.constantFrom('asc' as const, 'desc' as const);
    fc.assert(
      fc.property(fc.array(score, { maxLength: 80 }), direction, (scores, way) => {
        const rows = scores.map((_, row) => row).filter((row) => row % 3 !== 1);
        for (const values of [Float32Array.from(scores), Float64Array.from(scores)]) {
          const sorted = [...rows].sort(byScore(values, way));
          expect([...rankRows(rows, values, way)]).toEqual(sorted);
          expect([...rankRows(rows.toReversed(), values, way)]).toEqual(sorted);
        }
      }),
    );
  });

  it('orders ties by row and puts what is not finite last, either way', () => {
    const scores = [1, Number.NaN, 2, 1, Number.NEGATIVE_INFINITY];
    expect([0, 1, 2, 3, 4].sort(byScore(scores))).toEqual([2, 0, 3, 1, 4]);
    expect([0, 1, 2, 3, 4].sort(byScore(scores, 'asc'))).toEqual([0, 3, 2, 1, 4]);
  });
});
