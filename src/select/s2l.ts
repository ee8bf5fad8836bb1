import { z } from 'zod';
import { createRandom } from '../numeric/philox.ts';
import { waterFill } from './allocate.ts';
import { clusterableRows, clusterRows } from './cluster-rows.ts';
import { groupsOf } from './keep.ts';
import { closePool, drawInto, dropRows, openPool } from './pool.ts';
import { groupBy, vectorColumn } from './read-columns.ts';
import type { Selector, TextOnlyPolicy } from './selector.ts';
import { textOnlyOption } from './text-only-option.ts';

export interface S2lOptions extends Record<string, unknown> {
  trajectory: string;
  k: number;
  textOnly: TextOnlyPolicy;
}

/** S2L: equal shares of the ways in which a small model learns. */
export const s2l: Selector<S2lOptions> = {
  name: 's2l',
  title: 'S2L: clusters of loss trajectories',
  source: 'S2L, Yang et al. (NeurIPS 2024), arXiv 2403.07384; code BigML-CS-UCLA/S2L at 2bc84dd',
  summary:
    'Clusters the losses at the checkpoints of a small model, source by source, and draws equally from the clusters: samples that are learnt alike teach alike.',
  options: z.strictObject({
    trajectory: z.string().min(1).default('nll_trajectory').describe('column of losses at checkpoints, nats/token'),
    k: z.coerce.number().int().min(1).default(100).describe('clusters of each source that has more than its share'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: ({ trajectory }) => [trajectory],
  async select(input, options, context) {
    const vectors = vectorColumn(input, options.trajectory);
    const pool = openPool(input, options.textOnly, context);
    const usable = new Set(clusterableRows(vectors, pool.rows));
    dropRows(pool, 'nan', `have no finite \`${options.trajectory}\``, (row) => !usable.has(row));
    const { groups, labels } = groupBy(Array.from({ length: input.rows }, (_, row) => input.source?.[row] ?? null));
    const sources = groupsOf(pool.rows, groups, labels, 'no source');
    const shares = waterFill(
      sources.map(({ members }) => members.length),
      Math.min(pool.budget, pool.rows.length),
    );
    const random = createRandom(context.seed, 'select/s2l');
    const codes = { kept: 'random', dropped: 'not-drawn' } as const;
    const clusters = new Int32Array(input.rows).fill(-1);
    let next = 0;
    for (const [s, { label, members }] of sources.entries()) {
      const isWhole = shares[s]! === members.length;
      // A source that gives all of its rows, or none, needs no clusters.
      const k = isWhole || shares[s] === 0 ? 1 : options.k;
      const found = k === 1 ? undefined : await clusterRows(vectors, members, k, context);
      const parts = Array.from({ length: found?.k ?? 1 }, () => [] as number[]);
      for (const row of members) parts[found?.clusters[row] ?? 0]!.push(row);
      const taken = waterFill(
        parts.map((rows) => rows.length),
        shares[s]!,
      );
      parts.forEach((rows, c) => {
        const count = taken[c]!;
        drawInto(pool, rows, count, random.sample(rows.length, count), codes);
        for (const row of rows) {
          clusters[row] = next + c;
          pool.reasons[row]!.cluster = next + c;
        }
        const sizes = { size: rows.length, candidates: rows.length, quota: count, kept: count };
        pool.counts.push({ cluster: next + c, label: `${label} ${c + 1}`, ...sizes });
      });
      next += parts.length;
    }
    return closePool(pool, { method: 's2l', options, order: 'row', clusters }, input, context);
  },
};
