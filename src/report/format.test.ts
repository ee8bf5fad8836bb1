import { describe, expect, it } from 'vitest';
import { REASON_TEXTS } from '../select/reasons.ts';
import { duration, number, percent, reasonText, shorten, signed } from './format.ts';

describe('words', () => {
  it('has a sentence for every reason that a selection can give', () => {
    for (const code of Object.keys(REASON_TEXTS)) {
      const kept = REASON_TEXTS[code as keyof typeof REASON_TEXTS].startsWith('kept');
      const text = reasonText({ kept, code, rank: 3, cluster: 5, candidates: 41, quota: 6, necessity: -0.1 });
      expect(text).not.toContain(`(${code})`);
      expect(text).toMatch(kept ? /^Kept/ : /^(Dropped|Left out)/);
    }
    expect(reasonText({ kept: true, code: 'kept-top', rank: 3, cluster: 5, candidates: 41, quota: 6 })).toBe(
      'Kept: rank 3 of 41 candidates in cluster 5 (quota 6).',
    );
    expect(reasonText({ kept: false, code: 'below-quota', rank: 1200 })).toBe(
      'Dropped: rank 1,200; the budget was filled by higher ones.',
    );
    expect(reasonText({ kept: false, code: 'of-the-future' })).toBe('Dropped (of-the-future).');
  });

  it('rounds half up and writes a true minus', () => {
    expect(number(0.125)).toBe('0.13');
    expect(number(-0.125)).toBe('−0.13');
    expect(number(1.005)).toBe('1.01');
    expect(number(-0.001)).toBe('0.00');
    expect(signed(0.3)).toBe('+0.30');
    expect(percent(0.1234)).toBe('12.3 %');
    expect(number(Number.NaN)).toBe('–');
  });

  it('says durations', () => {
    expect([0.04, 9.96, 59.7, 61, 3599.6, 7325].map(duration)).toEqual([
      '0.0 s',
      '10.0 s',
      '1 min 00 s',
      '1 min 01 s',
      '1 h 00 min',
      '2 h 02 min',
    ]);
  });

  it('shortens without cutting a letter in two', () => {
    expect(shorten('a  b\n c', 10)).toBe('a b c');
    expect(shorten('abcdef', 4)).toBe('abc…');
    for (let limit = 1; limit < 8; limit++) expect(shorten('😀😀😀😀', limit)).not.toMatch(/\p{Surrogate}/u);
  });
});
