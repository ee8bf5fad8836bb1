import { z } from 'zod';
import { mapRows } from '../../../numeric/columns.ts';
import { unitRows } from '../../../numeric/linalg/matrix.ts';
import { nearestRows } from '../../../numeric/neighbour-table.ts';
import { dropUnclusterable } from '../../kit/clusters.ts';
import { wideColumn } from '../../kit/columns.ts';
import { keepPicked } from '../../kit/groups.ts';
import { closePool, countAsOneGroup, openPool } from '../../kit/pool.ts';
import { takeBlocks } from '../../kit/sub-pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { pickByCoverage } from './coverage.ts';

export interface FacilityLocationOptions extends Record<string, unknown> {
  embedding: string;
  neighbours: number;
  search: 'auto' | 'exact' | 'approximate';
  textOnly: TextOnlyPolicy;
}

/** Facility location: a subset in which every row of the pool has someone like itself. */
export const facilityLocation: Selector<FacilityLocationOptions> = {
  name: 'facility-location',
  order: 80,
  version: 2,
  title: 'Facility location: every row has someone like it',
  source: 'Wei, Iyer and Bilmes, ICML 2015; lazy greedy of Minoux 1978',
  summary: 'Greedily keeps the rows that raise most the similarity of every row to its nearest kept one.',
  formula: [
    'maximise f(S) = Σ_i max_{j in S} max(0, cos(x_i, x_j)) over the 32 nearest of each row',
    'greedily: keep the row with the largest gain of f',
  ].join('\n'),
  options: z.strictObject({
    embedding: z.string().min(1).default('image').describe('column of the embedding, compared by cosine'),
    neighbours: z.coerce
      .number()
      .int()
      .min(1)
      .default(32)
      .describe('nearest neighbours that may stand for a row; similarities to others count as 0'),
    search: z
      .enum(['auto', 'exact', 'approximate'])
      .default('auto')
      .describe('of neighbours; auto: exact up to 20,000 rows, then among the nearest cells of a clustering'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ embedding }) => [embedding],
  streams: ({ embedding }) => [embedding],
  async select(input, options, context) {
    const column = wideColumn(input, options.embedding);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    await dropUnclusterable(pool, column, options.embedding);
    const points = mapRows(takeBlocks(column, Int32Array.from(pool.rows)), unitRows);
    const { neighbours, search } = options;
    const { seed, signal, progress } = context;
    const near = await nearestRows(points, {
      k: Math.max(0, Math.min(neighbours, points.rows - 1)),
      search,
      seed,
      signal,
      progress,
    });
    const { picked, gains } = pickByCoverage(near, points.rows, pool.budget);
    const rows = picked.map((i) => pool.rows[i]!);
    keepPicked(pool, rows);
    rows.forEach((row, n) => {
      pool.reasons[row]!.score = gains[n]!;
    });
    countAsOneGroup(pool, size, rows.length);
    return closePool(pool, { method: 'facility-location', options, order: 'rank' }, input, context);
  },
};
