import { z } from 'zod';
import { byScore } from '../numeric/topk.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from './pool.ts';
import { scalarColumn } from './read-columns.ts';
import type { Selector, TextOnlyPolicy } from './selector.ts';
import { textOnlyOption } from './text-only-option.ts';

export interface TopOptions extends Record<string, unknown> {
  column: string;
  order: 'desc' | 'asc';
  textOnly: TextOnlyPolicy;
}

/** Best rows by any one column. */
export const top: Selector<TopOptions> = {
  name: 'top',
  title: 'Top of a column',
  source: 'no source: ranking by one signal',
  summary: 'Keeps the rows with the highest (or lowest) value of one column; ties go to the earlier row.',
  options: z.strictObject({
    column: z.string().min(1).default('necessity').describe('the column to rank by, one number a row'),
    order: z.enum(['desc', 'asc']).default('desc').describe('desc: highest first; asc: lowest first'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: ({ column }) => [column],
  async select(input, options, context) {
    const score = scalarColumn(input, options.column);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', `have no finite \`${options.column}\``, (row) => !Number.isFinite(score[row]));
    const ranked = pool.rows.sort(byScore(score, options.order));
    ranked.forEach((row, i) => {
      const kept = i < pool.budget;
      Object.assign(pool.reasons[row]!, {
        kept,
        code: kept ? 'kept-top' : 'below-quota',
        rank: i + 1,
        score: score[row],
      });
      if (kept) pool.kept.push(row);
    });
    countAsOneGroup(pool, size, Math.min(ranked.length, pool.budget));
    return closePool(pool, { method: 'top', options, order: 'rank' }, input, context);
  },
};
