import { describe, expect, it } from 'vitest';
import { parseBudget } from './budget.ts';

describe('parseBudget', () => {
  it('takes a percentage of the pool, rounded down, without rounding errors', () => {
    expect(parseBudget('15%', 2000)).toEqual({ count: 300, fraction: 0.15, text: '15%' });
    expect(parseBudget('29%', 100).count).toBe(29);
    expect(parseBudget('0.7 %', 1000).count).toBe(7);
    expect(parseBudget('33.3%', 10).count).toBe(3);
    expect(parseBudget('100%', 7).count).toBe(7);
    expect(parseBudget('0%', 7)).toMatchObject({ count: 0, fraction: 0 });
    for (let percent = 0; percent <= 100; percent++) expect(parseBudget(`${percent}%`, 100).count).toBe(percent);
  });

  it('takes a count, also one beyond the pool', () => {
    expect(parseBudget('15', 2000)).toEqual({ count: 15, text: '15' });
    expect(parseBudget(300, 200).count).toBe(300);
    expect(parseBudget(' 0 ', 5).count).toBe(0);
  });

  it('asks back at a share without a sign', () => {
    const refused = (given: string | number): unknown => {
      try {
        return parseBudget(given, 100);
      } catch (error) {
        return error;
      }
    };
    expect(refused('0.15')).toMatchObject({ code: 'BUDGET_INVALID', hint: 'Did you mean 15%?', exitCode: 2 });
    expect(refused(0.07)).toMatchObject({ hint: 'Did you mean 7%?' });
    expect(refused('.5')).toMatchObject({ hint: 'Did you mean 50%?' });
  });

  it.each(['', '-5', '101%', '-3%', '1e3', '15.5', 'all', '15 percent', 'NaN', '%'])('refuses "%s"', (given) => {
    expect(() => parseBudget(given, 100)).toThrow(expect.objectContaining({ code: 'BUDGET_INVALID' }));
  });
});
