import { WinnowError } from '../../base/errors.ts';
import { createRandom } from '../../numeric/philox.ts';
import type {
  ClusterCount,
  Reason,
  ReasonCode,
  SelectContext,
  Selection,
  SelectorInput,
  TextOnlyPolicy,
} from '../selector.ts';
import { largestRemainder } from './allocate.ts';

/** The rows that compete and the budget they compete for, after exclusions and the text-only policy. */
export interface Pool {
  /** Competing rows, ascending. */
  rows: number[];
  /** What is left of the budget for them. */
  budget: number;
  /** Kept so far (text-only rows drawn for their share). */
  kept: number[];
  /** One a row; rows that compete are still `not-drawn`. */
  reasons: Reason[];
  counts: ClusterCount[];
  notes: string[];
  /** Why rows are missing from the competition, for the shortfall. */
  leftOut: string[];
}

/**
 * Applies what every selector has in common: excluded rows, and the policy for rows without an image. `proportional`
 * gives them their share of the budget (rounded by largest remainder) and draws that many at random.
 */
export function openPool(
  input: SelectorInput,
  policy: TextOnlyPolicy,
  { budget, seed }: Pick<SelectContext, 'budget' | 'seed'>,
): Pool {
  checkContext(budget, seed);
  const reasons: Reason[] = new Array(input.rows);
  for (let row = 0; row < input.rows; row++) reasons[row] = { row, kept: false, code: 'not-drawn' };
  const pool: Pool = { rows: [], budget, kept: [], reasons, counts: [], notes: [], leftOut: [] };
  const textOnly: number[] = [];
  for (let row = 0; row < input.rows; row++) {
    if (input.excluded?.has(row)) reasons[row]!.code = 'excluded';
    else if (policy !== 'score' && input.textOnly?.[row] === 1) textOnly.push(row);
    else pool.rows.push(row);
  }
  const excluded = input.rows - pool.rows.length - textOnly.length;
  if (excluded > 0) leaveOut(pool, `${excluded} rows were left out before the selection`);
  if (textOnly.length === 0) return pool;

  if (policy === 'exclude') {
    for (const row of textOnly) reasons[row]!.code = 'text-only';
    leaveOut(pool, `${textOnly.length} rows have no image and are left out`);
    return pool;
  }
  const shares = largestRemainder(
    [pool.rows.length, textOnly.length],
    Math.min(budget, pool.rows.length + textOnly.length),
  );
  const share = shares.taken[1]!;
  drawInto(pool, textOnly, share, createRandom(seed, 'select/text-only').sample(textOnly.length, share), {
    kept: 'text-only-drawn',
    dropped: 'text-only-not-drawn',
  });
  pool.budget = budget - share;
  pool.counts.push({
    cluster: -1,
    label: 'text-only',
    size: textOnly.length,
    candidates: textOnly.length,
    quota: share,
    kept: share,
  });
  pool.notes.push(`${textOnly.length} rows have no image: ${share} drawn at random for their share of the budget.`);
  return pool;
}

function checkContext(budget: number, seed: number): void {
  const refuse = (code: string, message: string, hint: string): never => {
    throw new WinnowError({ code, message, hint, exitCode: 2 });
  };
  if (!Number.isSafeInteger(budget) || budget < 0) {
    refuse('BUDGET_INVALID', `A budget is a count of samples, got ${budget}.`, 'Give for example --budget 300.');
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    refuse('SEED_INVALID', `A seed is an integer from 0 to 4294967295, got ${seed}.`, 'Use for example --seed 42.');
  }
}

function leaveOut(pool: Pool, what: string): void {
  pool.leftOut.push(what);
  pool.notes.push(`${what[0]!.toUpperCase()}${what.slice(1)}.`);
}

/** Keeps the rows drawn from `rows`, and gives all of them their reasons. `drawn` are positions in `rows`. */
export function drawInto(
  pool: Pool,
  rows: readonly number[],
  count: number,
  drawn: Int32Array,
  codes: { kept: ReasonCode; dropped: ReasonCode },
): void {
  for (const row of rows) pool.reasons[row]!.code = codes.dropped;
  for (const i of drawn.subarray(0, count)) {
    const reason = pool.reasons[rows[i]!]!;
    reason.kept = true;
    reason.code = codes.kept;
    pool.kept.push(rows[i]!);
  }
}

/** Takes rows out of the competition because of what they hold, saying why. */
export function dropRows(pool: Pool, code: ReasonCode, what: string, isDropped: (row: number) => boolean): void {
  const before = pool.rows.length;
  pool.rows = pool.rows.filter((row) => {
    if (!isDropped(row)) return true;
    pool.reasons[row]!.code = code;
    return false;
  });
  if (pool.rows.length < before) leaveOut(pool, `${before - pool.rows.length} rows ${what}`);
}

/** Counts the competing rows as one group, for methods without clusters; only worth saying beside another group. */
export function countAsOneGroup(pool: Pool, size: number, kept: number): void {
  if (pool.counts.length === 0) return;
  const quota = Math.min(pool.budget, size);
  pool.counts.push({ cluster: -1, label: 'with image', size, candidates: pool.rows.length, quota, kept });
}

/** Puts the selection together; a shortfall is what is missing from the budget, with all that was left out. */
export function closePool(
  pool: Pool,
  about: Pick<Selection, 'method' | 'options'> & { order: 'row' | 'rank'; clusters?: Int32Array; because?: string },
  input: SelectorInput,
  { budget, seed }: SelectContext,
): Selection {
  const kept = Int32Array.from(pool.kept);
  if (about.order === 'row') kept.sort();
  const missing = budget - kept.length;
  const reasons = [...(budget > input.rows ? [`the pool has ${input.rows} rows`] : []), ...pool.leftOut];
  const because = about.because ?? (reasons.join('; ') || 'the pool has no more rows');
  return {
    method: about.method,
    options: about.options,
    seed,
    requested: budget,
    kept,
    perCluster: pool.counts,
    shortfall: missing > 0 ? { missing, because } : undefined,
    reasons: pool.reasons,
    clusters: about.clusters,
    notes: pool.notes,
  };
}
