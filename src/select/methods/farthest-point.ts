import { z } from 'zod';
import { wideOf } from '../../numeric/columns.ts';
import { farthestPoints } from '../../numeric/farthest.ts';
import { centre, gatherRows, unitRows } from '../../numeric/linalg/matrix.ts';
import { dropUnclusterable } from '../kit/clusters.ts';
import { vectorColumn } from '../kit/columns.ts';
import { keepPicked } from '../kit/groups.ts';
import { closePool, countAsOneGroup, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface FarthestPointOptions extends Record<string, unknown> {
  embedding: string;
  normalise: 'unit' | 'none';
  textOnly: TextOnlyPolicy;
}

/** Farthest points (k-centre greedy): a subset spread as far as it goes, outliers first. */
export const farthestPoint: Selector<FarthestPointOptions> = {
  name: 'farthest-point',
  order: 90,
  version: 1,
  title: 'Farthest points: spread as far as they go',
  source: 'Gonzalez 1985; as k-centre greedy: Sener and Savarese, ICLR 2018, arXiv 1708.00489',
  summary:
    'Begins with the row nearest to the mean and always keeps the row farthest from all kept so far: no row of the pool stays far from the subset.',
  formula: ['begin with the row nearest to the mean', 'repeat: keep argmax_i min_{j in S} ‖x_i − x_j‖'].join('\n'),
  options: z.strictObject({
    embedding: z.string().min(1).default('image').describe('column of the embedding'),
    normalise: z.enum(['unit', 'none']).default('unit').describe('unit: distances of vectors scaled to length 1'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ embedding }) => [embedding],
  async select(input, options, context) {
    const column = vectorColumn(input, options.embedding);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    await dropUnclusterable(pool, wideOf(column), options.embedding);
    const listed = gatherRows(column, pool.rows);
    const points = options.normalise === 'unit' ? unitRows(listed) : listed;
    const { squares } = centre(points);
    const start = squares.reduce((best, square, row) => (square < squares[best]! ? row : best), 0);
    const { signal, progress } = context;
    const rows = farthestPoints(points, pool.budget, { start, signal, progress }).map((i) => pool.rows[i]!);
    keepPicked(pool, rows);
    countAsOneGroup(pool, size, rows.length);
    return closePool(pool, { method: 'farthest-point', options, order: 'rank' }, input, context);
  },
};
