import { rankRows } from '../../numeric/topk.ts';
import type { SelectContext, Selection, SelectorInput, TextOnlyPolicy } from '../selector.ts';
import { closePool, countAsOneGroup, dropRows, openPool, type Pool } from './pool.ts';

/** What a method that ranks the whole pool by one number has to say. */
export interface Ranking {
  method: string;
  options: Readonly<Record<string, unknown>> & { textOnly: TextOnlyPolicy };
  /** One number a row; rows where it isn't finite are left out. */
  score: ArrayLike<number>;
  /** What the number is called, for messages. */
  column: string;
  order: 'desc' | 'asc';
  /** How the kept rows are listed. */
  output: 'rank' | 'row';
  /** First rank that is kept, 0-based, of `rows` that have a score. @default () => 0 */
  start?: (rows: number, budget: number) => number;
}

/**
 * Ranks the pool by a score and keeps a window of as many ranks as the budget has, from the top unless told otherwise.
 */
export function selectRanked(input: SelectorInput, context: SelectContext, ranking: Ranking): Selection {
  const { method, options, score, column, order, output, start = () => 0 } = ranking;
  const pool = openPool(input, options.textOnly, context);
  const size = pool.rows.length;
  dropRows(pool, 'nan', `have no finite \`${column}\``, (row) => !Number.isFinite(score[row]));
  const ranked = rankRows(pool.rows, score, order);
  const first = start(ranked.length, pool.budget);
  const kept = keepWindow(pool, ranked, score, first);
  if (kept < pool.budget && kept < ranked.length) {
    pool.leftOut.push(`the window begins at rank ${first + 1} of ${ranked.length}`);
  }
  countAsOneGroup(pool, size, kept);
  return closePool(pool, { method, options, order: output }, input, context);
}

/**
 * Keeps the ranks from `first` on, 0-based, as far as the budget goes, and says of every row of the pool why; gives the
 * number kept.
 */
export function keepWindow(pool: Pool, ranked: Int32Array, score: ArrayLike<number>, first = 0): number {
  const isTop = first === 0;
  const rank = new Int32Array(score.length);
  for (let i = 0; i < ranked.length; i++) rank[ranked[i]!] = i + 1;
  // By row, not by rank: half a million reasons scattered over the memory would cost three times as much.
  for (const row of pool.rows) {
    if (rank[row] === 0) continue;
    const reason = pool.reasons[row]!;
    reason.kept = rank[row]! > first && rank[row]! <= first + pool.budget;
    reason.code = isTop ? (reason.kept ? 'kept-top' : 'below-quota') : reason.kept ? 'kept-window' : 'outside-window';
    reason.rank = rank[row]!;
    reason.score = score[row]!;
  }
  const kept = ranked.subarray(Math.max(0, first), Math.max(0, first + pool.budget));
  for (const row of kept) pool.kept.push(row);
  return kept.length;
}
