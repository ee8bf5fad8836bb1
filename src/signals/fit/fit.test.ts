import { describe, expect, it } from 'vitest';
import { judgeFit } from './judge.ts';
import { meanWithInterval, measureFit, t975 } from './measure.ts';

/** Rows of (loss, token ids, S). */
function columns(rows: readonly (readonly [number, readonly number[], number])[], textOnly: readonly number[] = []) {
  const offsets = Uint32Array.from([
    0,
    ...rows.map((_, i) => rows.slice(0, i + 1).reduce((n, row) => n + row[1].length, 0)),
  ]);
  return {
    loss: Float32Array.from(rows, ([loss]) => loss),
    tokens: Int32Array.from(rows, ([, ids]) => ids.length),
    ids: { offsets, data: Float32Array.from(rows.flatMap(([, ids]) => ids)) },
    necessity: { necessity_masked: Float32Array.from(rows, ([, , s]) => s) },
    textOnly: Uint8Array.from(rows, (_, i) => (textOnly.includes(i) ? 1 : 0)),
    vocabulary: 1000,
  };
}
const subject = { model: 'm', dataset: 'd', column: 'necessity_masked', tuneCommand: 'tune', scoreCommand: 'score' };
const judged = (...given: Parameters<typeof columns>) => judgeFit(measureFit(columns(...given)), subject);

describe('numbers', () => {
  it('weigh rows by their tokens and hold them against the entropy of the same tokens', () => {
    const found = measureFit(
      columns([
        [1, [5, 9], 0.5],
        [4, [7], 0.5],
        [Number.NaN, [5], Number.NaN],
      ]),
    );
    // scipy.stats.entropy([1, 1, 1]) = 1.0986122886681096
    expect(found).toMatchObject({ rows: 2, tokens: 3, loss: 2 });
    expect(found.unigram).toBeCloseTo(1.0986122886681096, 12);
  });

  it('have no entropy where the tokens of a row were not recorded', () => {
    const { ids: _ids, ...rest } = columns([[1, [5], 1]]);
    expect(measureFit(rest).unigram).toBeNull();
    const part = columns([
      [1, [5], 1],
      [1, [6], 1],
    ]);
    part.ids.offsets[2] = 1;
    expect(measureFit(part).unigram).toBeNull();
  });

  it('leave rows without an image out of the mean of S', () => {
    const found = measureFit(
      columns(
        [
          [1, [5], 1],
          [1, [6], 3],
          [1, [7], 0],
        ],
        [2],
      ),
    );
    expect(found.necessity.necessity_masked).toMatchObject({ mean: 2, rows: 2 });
  });

  it('hold rows apart that the model was tuned on, where enough others are measured', () => {
    const rows = Array.from({ length: 60 }, (_, i) => [i < 30 ? 0.1 : 2, [i], 1] as const);
    const tuned = new Set(Array.from({ length: 30 }, (_, i) => i));
    expect(measureFit({ ...columns(rows), tuned })).toMatchObject({ rows: 30, loss: 2, heldApart: true, tunedOn: 30 });
    const few = measureFit({ ...columns(rows.slice(0, 50)), tuned });
    expect(few).toMatchObject({ rows: 50, heldApart: false, tunedOn: 30 });
  });

  it('have an interval by Student’s t', () => {
    // scipy.stats.t.ppf(0.975, [1, 2, 3, 4, 5, 10, 30])
    const exact = [12.706204736, 4.30265273, 3.182446305, 2.776445105, 2.570581836, 2.228138852, 2.042272456];
    for (const [i, degrees] of [1, 2, 3, 4, 5, 10, 30].entries()) {
      expect(Math.abs(t975(degrees) / exact[i]! - 1)).toBeLessThan(0.005);
    }
    expect(meanWithInterval([3])).toEqual({ mean: 3, lo: null, hi: null, rows: 1, helped: 1, hurt: 0 });
  });
});

describe('judgement', () => {
  const many = (loss: number, s: (i: number) => number) =>
    Array.from({ length: 40 }, (_, i) => [loss, [i % 4], s(i)] as const);

  it('fits where the loss is below the frequencies and the image helps', () => {
    const fit = judged(many(0.3, (i) => 1 + (i % 2)));
    expect(fit).toMatchObject({ verdict: 'fits', n: 40, wayOut: null });
    expect(fit.unigram).toBeCloseTo(Math.log(4), 12);
    expect(fit.uniform).toBeCloseTo(Math.log(1000), 12);
  });

  it.each([
    ['a guess is as good', Math.log(1000) + 0.01, 1, /worse than a blind guess/],
    ['the frequencies are as good', Math.log(4) + 1e-6, 1, /no better than their own frequencies/],
    ['the image does not help', 0.3, -0.01, /the image does not help/],
    ['the image changes nothing at all', 0.3, 0, /the image does not help/],
  ])('does not fit where %s', (_, loss, s, reason) => {
    const fit = judged(many(loss, () => s));
    expect(fit.verdict).toBe('misfit');
    expect(fit.reason).toMatch(reason);
    expect(fit.wayOut).toContain('tune');
  });

  it('is unclear where the interval of mean S holds 0', () => {
    expect(judged(many(0.3, (i) => (i % 2 === 0 ? 1 : -0.9))).verdict).toBe('unclear');
    expect(judged([[0.3, [1, 2, 3], 0.5]]).verdict).toBe('unclear');
  });

  it('fits where a few wrong answers widen the interval and most rows are helped', () => {
    const fit = judged(many(0.3, (i) => (i < 4 ? -3.5 : 0.45)));
    expect(fit).toMatchObject({ verdict: 'fits', necessity: { helped: 36, hurt: 4 } });
    expect(fit.necessity!.lo).toBeLessThan(0);
  });

  it('is unknown where tokens or losses were not recorded, unless S says enough', () => {
    expect(judgeFit(undefined, subject)).toMatchObject({ verdict: 'unknown', n: 0 });
    const { ids: _ids, ...rest } = columns(many(0.3, () => 1));
    expect(judgeFit(measureFit(rest), subject).verdict).toBe('unknown');
    const { ids: _none, ...bad } = columns(many(0.3, () => -1));
    expect(judgeFit(measureFit(bad), subject).verdict).toBe('misfit');
  });

  it('of text alone is by its losses', () => {
    const rows = many(0.3, () => 0);
    expect(judged(rows, [...rows.keys()])).toMatchObject({ verdict: 'fits', necessity: null });
  });
});
