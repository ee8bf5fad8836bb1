import { WinnowError } from '../../base/errors.ts';
import { type CostOptions, tokensInHours } from '../../cost/gpu-hours.ts';
import { type CostBudget, parseBudget, parseCostBudget } from './budget.ts';
import type { Amount } from './compose.ts';
import type { StageRequest } from './request.ts';

/** What a stage keeps, resolved as far as it can be before the stage runs. */
export interface StageAmount {
  text: string;
  /** @param certain rows that are kept in any case; `pass` counts beside them */
  amount: (arriving: number, certain: number) => Amount;
  cost?: { unit: CostBudget['unit']; tokens: number };
}

/**
 * What a stage keeps, where it says so; the last one must. @throws WinnowError `BUDGET_MISSING`, `BUDGET_INVALID`,
 * `USAGE`
 */
export function amountOf(
  { budget, pass }: StageRequest,
  isLast: boolean,
  rows: number,
  options: CostOptions,
): StageAmount | undefined {
  if (budget !== undefined && pass !== undefined) {
    throw new WinnowError({
      code: 'USAGE',
      message: 'A stage has a budget (of the whole pool) or what passes (of what reaches it), not both.',
      hint: 'Leave --budget or --pass out.',
      exitCode: 2,
    });
  }
  if (pass !== undefined) {
    // A count, or a share of rows that aren't known yet: what is nothing of a billion is nothing.
    if (parseBudget(pass, 1e9).count === 0) throw keepsNothing(`--pass ${pass}`);
    return {
      text: `pass${String(pass).replace(/\s/g, '')}`,
      amount: (arriving, certain) => ({ count: parseBudget(pass, arriving).count + certain }),
    };
  }
  if (budget === undefined) {
    if (!isLast) return undefined;
    throw new WinnowError({
      code: 'BUDGET_MISSING',
      message: 'A selection needs a budget.',
      hint: 'Give for example --budget 15%, or set a default in winnow.yaml.',
      exitCode: 2,
    });
  }
  const byCost = parseCostBudget(budget);
  if (byCost !== undefined) {
    const tokens = byCost.unit === 'tokens' ? byCost.amount : tokensInHours(byCost.amount, options);
    return { text: byCost.text, amount: () => ({ tokens }), cost: { unit: byCost.unit, tokens } };
  }
  const { count, fraction, text } = parseBudget(budget, rows);
  if (count > 0) return { text, amount: () => ({ count, fraction }) };
  throw keepsNothing(`A budget of ${text} of ${rows} rows`);
}

/** A budget by which nothing can be chosen. */
export function keepsNothing(what: string): WinnowError {
  return new WinnowError({
    code: 'BUDGET_INVALID',
    message: `${what} keeps no sample at all.`,
    hint: 'Give a larger one.',
    exitCode: 2,
  });
}
