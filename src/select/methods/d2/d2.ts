import { z } from 'zod';
import { mapRows } from '../../../numeric/columns.ts';
import { unitRows } from '../../../numeric/linalg/matrix.ts';
import { type NeighbourTable, nearestRows } from '../../../numeric/neighbour-table.ts';
import { dropUnclusterable } from '../../kit/clusters.ts';
import { scalarColumn, wideColumn } from '../../kit/columns.ts';
import { keepPicked } from '../../kit/groups.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../../kit/pool.ts';
import { takeBlocks } from '../../kit/sub-pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { densitySampler, forwardMessages, pickGreedily, pickWithStandby } from './message-passing.ts';

export interface D2Options extends Record<string, unknown> {
  variant: 'exact' | 'standby' | 'density';
  score: string;
  embedding: string;
  normalise: 'none' | 'unit';
  neighbours: number;
  gamma: number;
  graph: 'sum' | 'product';
  sampling: 'weighted' | 'absolute';
  search: 'auto' | 'exact' | 'approximate';
  textOnly: TextOnlyPolicy;
}

/** Below this mean weight of an edge no message arrives: the method is then a ranking by score. */
const SILENT = 1e-6;

const options = z.strictObject({
  variant: z
    .enum(['exact', 'standby', 'density'])
    .default('exact')
    .describe(
      'exact: always the node of the largest value; standby: the published walk through a sorted list; density: the published sampler of small data, with plain distances',
    ),
  score: z.string().min(1).default('aum').describe('column of the score of a row: the higher, the sooner it is kept'),
  embedding: z.string().min(1).default('hidden').describe('column of the embedding that neighbours are found in'),
  normalise: z
    .enum(['none', 'unit'])
    .default('none')
    .describe('none: distances of the embedding as it is, as published; unit: of vectors scaled to length 1'),
  neighbours: z.coerce.number().int().min(0).default(5).describe('k nearest neighbours that exchange messages'),
  gamma: z.coerce.number().min(0).default(0.4).describe('gamma_r of the reverse messages: the lower, the more variety'),
  graph: z
    .enum(['sum', 'product'])
    .default('sum')
    .describe('of variant density: the score plus, or times, the messages'),
  sampling: z
    .enum(['weighted', 'absolute'])
    .default('weighted')
    .describe('of variant density: take back the share of an edge, or all of the picked value'),
  search: z
    .enum(['auto', 'exact', 'approximate'])
    .default('auto')
    .describe('of neighbours; auto: exact up to 20,000 rows, then among the nearest cells of a clustering'),
  textOnly: textOnlyOption.default('proportional'),
});

/** D2 pruning: rows pass their scores to their neighbours, and a row that is kept takes as much away from its own. */
export const d2: Selector<D2Options> = {
  name: 'd2',
  order: 50,
  version: 2,
  title: 'D2 pruning: difficulty and diversity by messages',
  source:
    'Maharana et al., ICLR 2024, arXiv 2310.07931; code adymaharana/d2pruning at bf1ea46; LVLM copy in COINCIDE_code',
  summary:
    'Keeps rows with a high score in dense regions first, and lowers the neighbours of every kept row, so that near ones wait.',
  formula: [
    'u_i = max(s_i, 10⁻⁷) + Σ_{j in kNN(i)} exp(−d_ij) max(s_j, 10⁻⁷)',
    'repeat: keep i = argmax u; for its neighbours u_j ← u_j − exp(−γ d_ij) u_i',
    'd: squared distance of the embeddings, s: AUM, k = 5, γ = 0.4',
  ].join('\n'),
  options,
  needs: ({ score, embedding }) => [score, embedding],
  streams: ({ embedding }) => [embedding],
  async select(input, chosen, context) {
    const score = scalarColumn(input, chosen.score);
    const column = wideColumn(input, chosen.embedding);
    const pool = openPool(input, chosen.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', `have no finite \`${chosen.score}\``, (row) => !Number.isFinite(score[row]));
    await dropUnclusterable(pool, column, chosen.embedding);

    const listed = takeBlocks(column, Int32Array.from(pool.rows));
    const { neighbours: k, search } = chosen;
    const { seed, signal, progress } = context;
    const points = chosen.normalise === 'unit' ? mapRows(listed, unitRows) : listed;
    const near = await nearestRows(points, { k, search, seed, signal, progress });
    if (isSilent(near)) {
      pool.notes.push(
        'Neighbours are so far apart that no message arrives, and this is a ranking by score: try --normalise unit.',
      );
    }
    const own = Float64Array.from(pool.rows, (row) => score[row]!);
    const picked = pick(own, near, chosen, Math.min(pool.budget, own.length));
    keepPicked(
      pool,
      picked.map((i) => pool.rows[i]!),
      score,
    );
    countAsOneGroup(pool, size, picked.length);
    return closePool(pool, { method: 'd2', options: chosen, order: 'rank' }, input, context);
  },
};

function pick(
  score: Float64Array,
  near: NeighbourTable,
  { variant, gamma, graph, sampling }: D2Options,
  count: number,
): Int32Array {
  if (variant === 'density') return densitySampler(score, near, { graph, sampling }, gamma, count).picked;
  const values = forwardMessages(score, near);
  return variant === 'exact' ? pickGreedily(values, near, gamma, count) : pickWithStandby(values, near, gamma, count);
}

function isSilent({ squares }: NeighbourTable): boolean {
  let sum = 0;
  for (const square of squares) sum += Math.exp(-square);
  return squares.length > 0 && sum / squares.length < SILENT;
}
