import { WinnowError } from '../../base/errors.ts';

/** A budget that isn't a number of samples: what the kept samples may cost together. */
export interface CostBudget {
  unit: 'tokens' | 'gpu-hours';
  amount: number;
  /** As written, for names: `2M tokens`. */
  text: string;
}

/** A budget resolved against a pool. */
export interface Budget {
  /** Number of samples. */
  count: number;
  /**
   * The share of the pool it was given as, 0 to 1; absent for a count. Rules that work by cluster need it unrounded.
   */
  fraction?: number;
  /** As written, for names: `15%` or `300`. */
  text: string;
}

/**
 * Reads a budget: `15%` (a share of the pool, rounded down) or `300` or `300 samples` (a count, which may exceed the
 * pool).
 *
 * @param rows size of the pool
 * @throws WinnowError `BUDGET_INVALID`
 */
export function parseBudget(given: string | number, rows: number): Budget {
  const text = String(given)
    .trim()
    .replace(/\s*samples?$/i, '');
  const percent = /^(\d+)(?:\.(\d+))?\s*%$/.exec(text);
  if (percent !== null) {
    const [, whole = '', decimals = ''] = percent;
    const hundredths = BigInt(whole + decimals);
    const scale = 100n * 10n ** BigInt(decimals.length);
    if (hundredths > scale) throw invalid(`A budget of ${text} is more than the whole pool.`, 'Use at most 100%.');
    // In whole numbers, because 0.29 * 100 is 28.999999999999996 and would lose a sample.
    return { count: Number((hundredths * BigInt(rows)) / scale), fraction: Number(hundredths) / Number(scale), text };
  }
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return { count: Number(text), text };
  const number = Number(text.replace('%', ''));
  if (text !== '' && number > 0 && number < 1 && !text.includes('%')) {
    const meant = `${Number((number * 100).toPrecision(12))}%`;
    throw invalid(`A budget is a count of samples or a percentage, got ${text}.`, `Did you mean ${meant}?`);
  }
  throw invalid(
    `A budget is a count of samples (300), a percentage (15%), tokens ("2M tokens") or GPU-hours ("10 gpu-hours"), got ${text === '' ? 'nothing' : `"${text}"`}.`,
    'Give for example --budget 15%.',
  );
}

const MULTIPLES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, b: 1e9 };

/**
 * Reads a budget by cost: `2M tokens`, `500k tokens`, `10 gpu-hours`. Undefined where it is neither.
 *
 * @throws WinnowError `BUDGET_INVALID`
 */
export function parseCostBudget(given: string | number): CostBudget | undefined {
  const text = String(given).trim();
  const found = /^(\d+(?:\.\d+)?)\s*([kmb]?)\s*(tokens?|gpu[- ]?(?:hours?|h))$/i.exec(text);
  if (found === null) return undefined;
  const unit = found[3]!.toLowerCase().startsWith('token') ? 'tokens' : 'gpu-hours';
  const scale = MULTIPLES[found[2]!.toLowerCase()]!;
  if (unit === 'gpu-hours' && scale !== 1)
    throw invalid(`GPU-hours are plain numbers, got "${text}".`, 'Write 10 gpu-hours.');
  // Half a token would be nobody's.
  const amount = unit === 'tokens' ? Math.floor(Number(found[1]) * scale) : Number(found[1]);
  if (amount > 0) return { unit, amount, text };
  throw invalid(`A budget of ${text} keeps no sample at all.`, 'Give a larger one.');
}

function invalid(message: string, hint: string): WinnowError {
  return new WinnowError({ code: 'BUDGET_INVALID', message, hint, exitCode: 2 });
}
