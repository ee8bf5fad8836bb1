import { z } from 'zod';
import { mapRows } from '../../../numeric/columns.ts';
import { unitRows } from '../../../numeric/linalg/matrix.ts';
import { roundRobin } from '../../kit/allocate.ts';
import { type Cluster, dropUnclusterable, intoClusters } from '../../kit/clusters.ts';
import { wideColumn } from '../../kit/columns.ts';
import { closePool, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { pickTypical } from './typicality.ts';

export interface TypiclustOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  k?: number | undefined;
  neighbours: number;
  normalise: 'unit' | 'none';
  embedding: string;
  labels?: string | undefined;
  textOnly: TextOnlyPolicy;
}

const MOST_CLUSTERS = 500;
/** Above so many clusters the published code clusters in batches of so many rows. */
const MINI_BATCH = { above: 50, rows: 5000 };
/** The published code drops clusters of this many rows and fewer. */
const TOO_SMALL = 5;

const options = z.strictObject({
  variant: z
    .enum(['paper', 'official'])
    .default('paper')
    .describe(
      'paper: typicality by the mean Euclidean distance, every cluster counts; official: the published code, squared distances, clusters of 5 rows and fewer are dropped',
    ),
  k: z.coerce.number().int().min(1).optional().describe('number of clusters; default: the budget, at most 500'),
  neighbours: z.coerce
    .number()
    .int()
    .min(1)
    .default(20)
    .describe('nearest neighbours that typicality is measured by, at most half of the rows left'),
  normalise: z
    .enum(['unit', 'none'])
    .default('unit')
    .describe('scale vectors to length 1, as the published loader does'),
  embedding: z.string().min(1).default('dino').describe('column of a self-supervised embedding'),
  labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the embedding'),
  textOnly: textOnlyOption.default('proportional'),
});

/** TypiClust: from every cluster in turn, the row in its densest part. */
export const typiclust: Selector<TypiclustOptions> = {
  name: 'typiclust',
  order: 70,
  version: 2,
  title: 'TypiClust: typical rows of each cluster',
  source: 'Hacohen et al., ICML 2022, arXiv 2202.02794; code avihu111/TypiClust at 4097a71',
  summary:
    'Clusters the embeddings and goes round the clusters, the largest first, taking the row with the nearest neighbours each time.',
  formula: [
    'clusters: k-means of the embedding, min(budget, 500)',
    'typicality = 1 / (mean distance to the k nearest left in the cluster + 10⁻⁵), k = min(20, half of them)',
    'round robin over the clusters, the largest first: keep the most typical row left',
  ].join('\n'),
  deviations: [
    'P2: rows of clusters of 5 rows and fewer are missing from a large budget',
    'P5: clusters of 5 rows and fewer are dropped, so that a budget of all rows falls short',
    'Distances are squared where the paper says Euclidean',
  ],
  options,
  needs: ({ embedding, labels }) => (labels === undefined ? [embedding] : [embedding, labels]),
  streams: ({ embedding }) => [embedding],
  async select(input, chosen, context) {
    const column = wideColumn(input, chosen.embedding);
    const pool = openPool(input, chosen.textOnly, context);
    await dropUnclusterable(pool, column, chosen.embedding);
    const points = chosen.normalise === 'unit' ? mapRows(column, unitRows) : column;
    const { labels, neighbours, variant } = chosen;
    const k = chosen.k ?? Math.max(1, Math.min(pool.budget, MOST_CLUSTERS));
    const miniBatch = variant === 'official' && k > MINI_BATCH.above ? MINI_BATCH.rows : undefined;
    const source = { labels, vectors: () => points, k, miniBatch };
    const { ids, clusters } = await intoClusters(input, pool, source, context);
    const used = dropSmall(pool, clusters, variant === 'official' ? TOO_SMALL : 0);
    const counts = roundRobin(
      used.map(({ members }) => members.length),
      pool.budget,
    );
    const distance = variant === 'official' ? 'squared' : 'plain';
    const picks: number[][] = [];
    for (const [c, cluster] of used.entries()) {
      const found = await pickTypical(
        await points.gather(cluster.members),
        counts[c]!,
        { neighbours, distance },
        context,
      );
      picks.push(found.picked.map((i) => cluster.members[i]!));
      explain(pool, cluster, found.initial, counts[c]!);
    }
    keepInTurn(pool, picks);
    return closePool(pool, { method: 'typiclust', options: chosen, order: 'rank', clusters: ids }, input, context);
  },
};

/** Clusters that are large enough, the largest first. */
function dropSmall(pool: Pool, clusters: readonly Cluster[], tooSmall: number): Cluster[] {
  const dropped = clusters.filter(({ members }) => members.length > 0 && members.length <= tooSmall);
  const rows = dropped.flatMap(({ members }) => members);
  for (const row of rows) pool.reasons[row]!.code = 'small-cluster';
  if (rows.length > 0) {
    pool.leftOut.push(`${rows.length} rows are in clusters of ${tooSmall} rows and fewer`);
    pool.notes.push(
      `${dropped.length} clusters of ${tooSmall} rows and fewer are left out, ${rows.length} rows in all.`,
    );
  }
  const used = clusters.filter(({ members }) => members.length > tooSmall);
  return used.sort((a, b) => b.members.length - a.members.length);
}

function explain(pool: Pool, { id, label, members }: Cluster, initial: Float64Array, kept: number): void {
  members.forEach((row, i) => {
    Object.assign(pool.reasons[row]!, { code: 'not-picked', cluster: id, score: initial[i]! });
  });
  const counts = { cluster: id, size: members.length, candidates: members.length, quota: kept, kept };
  pool.counts.push(label === undefined ? counts : { ...counts, label });
}

/** First picks of all clusters, then second picks, and so on. */
function keepInTurn(pool: Pool, picks: readonly number[][]): void {
  const rounds = picks.reduce((most, { length }) => Math.max(most, length), 0);
  let rank = 0;
  for (let round = 0; round < rounds; round++) {
    for (const own of picks) {
      const row = own[round];
      if (row === undefined) continue;
      Object.assign(pool.reasons[row]!, { kept: true, code: 'picked', rank: ++rank });
      pool.kept.push(row);
    }
  }
}
