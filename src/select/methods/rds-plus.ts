import { z } from 'zod';
import { type WideColumn, wideOf } from '../../numeric/columns.ts';
import { type Matrix, rowLength } from '../../numeric/linalg/matrix.ts';
import { openTopK } from '../../numeric/topk.ts';
import { referenceOf, vectorColumn, wideColumn } from '../kit/columns.ts';
import { wholeRows } from '../kit/finite-rows.ts';
import { keepPicked } from '../kit/groups.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { SelectContext, Selector, TextOnlyPolicy } from '../selector.ts';
import { targetProducts } from './shared/target-products.ts';

export interface RdsPlusOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  column: string;
  textOnly: TextOnlyPolicy;
}

/**
 * Queries take turns; each takes its best row that nobody has taken.
 *
 * @param lists rows of each query, best first
 * @param losesTurn a query whose best row is taken already gives up its turn, and the last round is cut, as published
 * @returns at most `count` rows in the order they were taken, and whether a list came to its end
 */
export function roundRobin(
  lists: readonly ArrayLike<number>[],
  count: number,
  losesTurn = false,
): { picked: number[]; isExhausted: boolean } {
  const picked = new Set<number>();
  const at = new Int32Array(lists.length);
  let isExhausted = false;
  for (let isMoving = true; isMoving && picked.size < count; ) {
    isMoving = false;
    for (let q = 0; q < lists.length; q++) {
      if (picked.size === count) break;
      const list = lists[q]!;
      while (!losesTurn && at[q]! < list.length && picked.has(list[at[q]!]!)) at[q]!++;
      if (at[q]! >= list.length) {
        isExhausted = true;
        continue;
      }
      picked.add(list[at[q]!]!);
      at[q]!++;
      isMoving = true;
    }
  }
  return { picked: [...picked], isExhausted };
}

/** Unit rows of the queries that have a direction. */
function unitQueries(matrix: Matrix): Matrix {
  const usable = Array.from({ length: matrix.rows }, (_, row) => row).filter((row) => rowLength(matrix, row) > 0);
  const data = new Float32Array(usable.length * matrix.width);
  usable.forEach((row, i) => {
    const length = rowLength(matrix, row);
    for (let t = 0; t < matrix.width; t++) data[i * matrix.width + t] = matrix.data[row * matrix.width + t]! / length;
  });
  return { data, rows: usable.length, width: matrix.width };
}

/** The `depth` best candidates of each query by cosine, a block of rows at a time. */
async function bestOf(
  column: WideColumn,
  queries: Matrix,
  depth: number,
  isIn: (row: number) => boolean,
  context: SelectContext,
): Promise<Int32Array[]> {
  const best = Array.from({ length: queries.rows }, () => openTopK(depth));
  for await (const block of column.blocks()) {
    const { matrix } = block;
    const cosines = await targetProducts(wideOf(matrix), queries, true, { signal: context.signal });
    for (let i = 0; i < matrix.rows; i++) {
      if (!isIn(block.start + i)) continue;
      for (let q = 0; q < queries.rows; q++) best[q]!.push(block.start + i, cosines[i * queries.rows + q]!);
    }
    context.progress?.(block.start + matrix.rows, column.rows, 'comparing with the queries');
  }
  return best.map((top) => top.rows());
}

/** RDS+: rows that the model itself represents like the queries of a target. */
export const rdsPlus: Selector<RdsPlusOptions> = {
  name: 'rds-plus',
  order: 270,
  version: 1,
  title: 'RDS+: representations near a target',
  source: 'RDS+, Ivison et al., arXiv 2503.01807 (2025); code hamishivi/automated-instruction-selection',
  summary:
    'Lets the examples of a target take turns in picking the row whose representation is most similar to theirs.',
  formula: [
    'r = Σ_t t h_t / Σ_t t, the position-weighted mean of the last hidden states, length 1',
    'queries of the target take turns: each picks its nearest row left by ⟨r, q⟩',
  ].join('\n'),
  deviations: ['A query whose best row is taken loses its turn, so that queries count unevenly; properties hold'],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe('a query whose best row is taken. paper: takes the next best; official: gives up its turn'),
    column: z
      .string()
      .min(1)
      .default('rds')
      .describe('column of position-weighted means of the last hidden state; the reference has the same'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ column }) => [column],
  streams: ({ column }) => [column],
  referenceNeeds: ({ column }) => [column],
  async select(input, options, context) {
    const column = wideColumn(input, options.column);
    const queries = unitQueries(vectorColumn(referenceOf(input, 'rds-plus'), options.column));
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    const isWhole = await wholeRows(column);
    dropRows(pool, 'nan', `have no finite \`${options.column}\``, (row) => isWhole[row] === 0);
    if (queries.rows === 0) pool.leftOut.push('no query of the reference has a direction');
    const isIn = new Uint8Array(input.rows);
    for (const row of pool.rows) isIn[row] = 1;
    const count = queries.rows === 0 ? 0 : Math.min(pool.budget, pool.rows.length);
    let picked: number[] = [];
    // A query rarely needs more than a few times its share; a list as long as the budget always suffices.
    for (let depth = Math.min(count, 4 * Math.ceil(count / Math.max(1, queries.rows)) + 64); count > 0; ) {
      const lists = await bestOf(column, queries, depth, (row) => isIn[row] === 1, context);
      const found = roundRobin(lists, count, options.variant === 'official');
      picked = found.picked;
      if (!found.isExhausted || depth >= pool.rows.length) break;
      depth = Math.min(pool.rows.length, 4 * depth);
    }
    keepPicked(pool, picked);
    countAsOneGroup(pool, size, picked.length);
    return closePool(pool, { method: 'rds-plus', options, order: 'rank' }, input, context);
  },
};
