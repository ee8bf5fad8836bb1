import { z } from 'zod';
import { createRandom, type Random } from '../../numeric/philox.ts';
import { waterFill } from '../kit/allocate.ts';
import { clusterableRows, clusterRows } from '../kit/clustering.ts';
import { groupBy, wideColumn } from '../kit/columns.ts';
import { groupsOf } from '../kit/groups.ts';
import { closePool, drawInto, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';
import { oneCheckpoint } from './shared/trajectories.ts';

export interface S2lOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  trajectory: string;
  k: number;
  niter: number;
  textOnly: TextOnlyPolicy;
}

/** Clusters of this many rows and fewer are left for last by the published code. */
const TOO_SMALL = 2;

/**
 * How many rows each cluster gives: equal shares, the smallest first. As published, clusters of one or two rows give
 * nothing unless the others have no more, and then so many in all, whichever they are.
 */
export function clusterShares(
  sizes: readonly number[],
  budget: number,
  isOfficial: boolean,
): { taken: Int32Array; fromSmall: number } {
  if (!isOfficial) return { taken: waterFill(sizes, budget), fromSmall: 0 };
  const large = [...sizes.keys()].filter((c) => sizes[c]! > TOO_SMALL);
  const shares = waterFill(
    large.map((c) => sizes[c]!),
    budget,
  );
  const taken = new Int32Array(sizes.length);
  large.forEach((c, i) => {
    taken[c] = shares[i]!;
  });
  return { taken, fromSmall: budget - shares.reduce((sum, n) => sum + n, 0) };
}

/** S2L: equal shares of the ways in which a small model learns. */
export const s2l: Selector<S2lOptions> = {
  name: 's2l',
  order: 300,
  version: 2,
  title: 'S2L: clusters of loss trajectories',
  source: 'S2L, Yang et al. (NeurIPS 2024), arXiv 2403.07384; code BigML-CS-UCLA/S2L at 2bc84dd',
  summary:
    'Clusters the losses at the checkpoints of a small model, source by source, and draws equally from the clusters: samples that are learnt alike teach alike.',
  formula: [
    'trajectory = losses of a small model at its checkpoints',
    'sources share equally from the smallest up; in each k-means (k = 100) of the trajectories, equal shares of the clusters, rows at random',
  ].join('\n'),
  deviations: ['Clusters of one or two rows give only when the others have no more; properties hold'],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'clusters of one or two rows. paper: take part like others; official: only when the others have no more',
      ),
    trajectory: z.string().min(1).default('nll_trajectory').describe('column of losses at checkpoints, nats/token'),
    k: z.coerce.number().int().min(1).default(100).describe('clusters of each source that has more than its share'),
    niter: z.coerce.number().int().min(1).default(20).describe('most iterations of k-means'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: ({ trajectory }) => [trajectory],
  async select(input, options, context) {
    const vectors = wideColumn(input, options.trajectory);
    const pool = openPool(input, options.textOnly, context);
    pool.notes.push(...oneCheckpoint(options.trajectory, vectors.width));
    const usable = new Set(await clusterableRows(vectors, pool.rows));
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
      const found = k === 1 ? undefined : await clusterRows(vectors, members, k, context, { niter: options.niter });
      const parts = Array.from({ length: found?.k ?? 1 }, () => [] as number[]);
      for (const row of members) parts[found?.clusters[row] ?? 0]!.push(row);
      const sizes = parts.map((rows) => rows.length);
      const isOfficial = options.variant === 'official' && found !== undefined;
      const { taken, fromSmall } = clusterShares(sizes, shares[s]!, isOfficial);
      drawSmall(sizes, taken, fromSmall, random);
      parts.forEach((rows, c) => {
        const count = taken[c]!;
        drawInto(pool, rows, count, random.sample(rows.length, count), codes);
        for (const row of rows) {
          clusters[row] = next + c;
          pool.reasons[row]!.cluster = next + c;
        }
        const counts = { size: rows.length, candidates: rows.length, quota: count, kept: count };
        pool.counts.push({ cluster: next + c, label: `${label} ${c + 1}`, ...counts });
      });
      next += parts.length;
    }
    return closePool(pool, { method: 's2l', options, order: 'row', clusters }, input, context);
  },
};

/** Which of the small clusters give the rows that are missing: as many rows as are drawn of theirs at random. */
function drawSmall(sizes: readonly number[], taken: Int32Array, count: number, random: Random): void {
  if (count === 0) return;
  const owners = sizes.flatMap((size, c) => (size <= TOO_SMALL ? Array<number>(size).fill(c) : []));
  for (const i of random.sample(owners.length, Math.min(count, owners.length))) taken[owners[i]!]!++;
}
