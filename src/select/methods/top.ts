import { z } from 'zod';
import { scalarColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface TopOptions extends Record<string, unknown> {
  column: string;
  order: 'desc' | 'asc';
  textOnly: TextOnlyPolicy;
}

/** Best rows by any one column. */
export const top: Selector<TopOptions> = {
  name: 'top',
  order: 110,
  version: 1,
  title: 'Top of a column',
  source: 'no source: ranking by one signal',
  summary: 'Keeps the rows with the highest (or lowest) value of one column; ties go to the earlier row.',
  formula: 'keep the largest (or smallest) values of one column; ties to the earlier row',
  options: z.strictObject({
    column: z.string().min(1).default('necessity').describe('the column to rank by, one number a row'),
    order: z.enum(['desc', 'asc']).default('desc').describe('desc: highest first; asc: lowest first'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: ({ column }) => [column],
  async select(input, options, context) {
    const { column, order } = options;
    const score = scalarColumn(input, column);
    return selectRanked(input, context, { method: 'top', options, score, column, order, output: 'rank' });
  },
};
