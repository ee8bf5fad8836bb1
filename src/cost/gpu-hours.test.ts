import { describe, expect, it } from 'vitest';
import { parseBudget, parseCostBudget } from '../select/compose/budget.ts';
import { describeCost, hoursOfTokens, parseCostOptions, tokensInHours } from './gpu-hours.ts';

describe('budgets by cost', () => {
  it.each([
    ['2M tokens', 'tokens', 2e6],
    ['500k tokens', 'tokens', 5e5],
    ['1.5b Tokens', 'tokens', 1.5e9],
    ['1234 tokens', 'tokens', 1234],
    ['10 gpu-hours', 'gpu-hours', 10],
    ['0.5 GPU hours', 'gpu-hours', 0.5],
    ['3gpuh', 'gpu-hours', 3],
  ])('%s', (text, unit, amount) => {
    expect(parseCostBudget(text)).toEqual({ unit, amount, text });
  });

  it('are none of samples and shares, and refuse what keeps nothing', () => {
    for (const text of ['15%', '300', '5000 samples', 20]) expect(parseCostBudget(text)).toBeUndefined();
    expect(parseBudget('5000 samples', 10_000)).toEqual({ count: 5000, text: '5000' });
    for (const text of ['0 tokens', '0.2 tokens', '0 gpu-hours', '2M gpu-hours'])
      expect(() => parseCostBudget(text)).toThrow(expect.objectContaining({ code: 'BUDGET_INVALID', exitCode: 2 }));
    expect(() => parseBudget('2M token hours', 10)).toThrow(/2M tokens/);
  });

  it('turn hours into tokens by 6 N FLOPs a token, and back', () => {
    const options = parseCostOptions({});
    // 3600 s * 989e12 FLOP/s * 0.35 / (6 * 7e9 FLOP a token)
    expect(tokensInHours(1, options)).toBe(29_670_000);
    expect(hoursOfTokens(29_670_000, options)).toBeCloseTo(1, 9);
    const lora = parseCostOptions({
      trainTuning: 'lora',
      trainGpu: 'a100',
      trainParams: '500M',
      trainEpochs: '2',
      trainMfu: '0.5',
    });
    expect(tokensInHours(1, lora)).toBe(Math.floor((3600 * 312e12 * 0.5) / (4 * 5e8 * 2)));
    expect(describeCost(lora)).toMatch(/lora tuning of 500M parameters, 4 x N .* A100 \(312 TFLOP\/s.* 50 %.*2 epochs/);
    for (const bad of [{ trainParams: '7' }, { trainGpu: 'tpu' }, { trainMfu: 2 }, { imageTokens: -1 }])
      expect(() => parseCostOptions(bad)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});
