import { z } from 'zod';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { rankRows } from '../../../numeric/topk.ts';
import { wideColumn } from '../../kit/columns.ts';
import { wholeRows } from '../../kit/finite-rows.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../../kit/pool.ts';
import { keepWindow } from '../../kit/rank.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { leverageScores } from './leverage.ts';

export interface ScalselectOptions extends Record<string, unknown> {
  column: string;
  energy: number;
  scale: 'unit-variance' | 'none';
  textOnly: TextOnlyPolicy;
}

/** ScalSelect: rows that the main directions of what the model looks at depend on most. */
export const scalselect: Selector<ScalselectOptions> = {
  name: 'scalselect',
  order: 320,
  version: 1,
  title: 'ScalSelect: leverage of what is looked at',
  source: 'ScalSelect, arXiv 2602.11636 (2026); code ChangtiWu/ScalSelect at 74375d3',
  summary:
    'Represents each sample by the image tokens that its instruction attends to in the first layer, and keeps the rows with the largest leverage on the main directions of all.',
  formula: [
    "x = mean state after layer 1 of the image tokens that hold 90 % of the instruction's attention in layer 0",
    'standardise, scale to length 1, X = U Σ Vᵀ; k: the fewest values that hold 90 % of Σ σ²',
    'score_i = Σ_{j ≤ k} U_ij² (leverage)',
    'keep the largest',
  ].join('\n'),
  options: z.strictObject({
    column: z
      .string()
      .min(1)
      .default('vision_repr')
      .describe('column of the mean first-layer state of the image tokens that the instruction looks at'),
    energy: z.coerce
      .number()
      .gt(0)
      .max(1)
      .default(0.9)
      .describe('as many main directions count as hold this share of the sum of squares'),
    scale: z
      .enum(['unit-variance', 'none'])
      .default('unit-variance')
      .describe('divide each feature by its standard deviation first (as published), or only centre it'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ column }) => [column],
  streams: ({ column }) => [column],
  async select(input, options, context) {
    const column = wideColumn(input, options.column);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    const isWhole = await wholeRows(column);
    dropRows(pool, 'nan', `have no finite \`${options.column}\``, (row) => isWhole[row] === 0);
    const isIn = new Uint8Array(input.rows);
    for (const row of pool.rows) isIn[row] = 1;
    const products = await openProducts();
    try {
      const how = { energy: options.energy, isStandardised: options.scale === 'unit-variance' };
      const { scores, k } = await leverageScores(column, (row) => isIn[row] === 1, how, products, context);
      countAsOneGroup(pool, size, keepWindow(pool, rankRows(pool.rows, scores), scores));
      if (pool.rows.length > 0) {
        pool.notes.push(`${k} of ${column.width} directions hold ${100 * options.energy} % of the sum of squares.`);
      }
    } finally {
      await products.release();
    }
    return closePool(pool, { method: 'scalselect', options, order: 'rank' }, input, context);
  },
};
