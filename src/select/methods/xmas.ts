import { z } from 'zod';
import { type WideColumn, wideOf } from '../../numeric/columns.ts';
import { nanToZero } from '../../numeric/linalg/matrix.ts';
import { createRandom } from '../../numeric/philox.ts';
import { rankRows } from '../../numeric/topk.ts';
import { waterFill } from '../kit/allocate.ts';
import { type Cluster, clustersFor, intoClusters } from '../kit/clusters.ts';
import { vectorColumn } from '../kit/columns.ts';
import { keepFromGroup } from '../kit/groups.ts';
import { closePool, dropRows, openPool, type Pool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';
import { instability, oneCheckpoint, standardised, sumTop } from './shared/trajectories.ts';

export interface XmasOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  k?: number | undefined;
  column: string;
  values: number;
  top: number;
  normalise: 'none' | 'zscore';
  minCluster: number;
  labels?: string | undefined;
  textOnly: TextOnlyPolicy;
}

/** Clusters of LLaVA-665K, about 66 rows of a tenth of it each. */
const CLUSTERS = 1000;

const options = z
  .strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: every cluster counts, rows with missing values are left out; official: the published code, clusters of 1 or 2 rows are dropped, missing values are 0',
      ),
    k: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('number of clusters of the trajectories; default: 1000 as published, but no more than one for 66 rows'),
    column: z.string().min(1).default('attention_sv').describe('singular values of the attention at each checkpoint'),
    values: z.coerce
      .number()
      .int()
      .min(1)
      .default(5)
      .describe('numbers that the column has for each checkpoint; 1 for a trajectory of losses'),
    top: z.coerce.number().int().min(1).default(5).describe('how many of the largest values are summed'),
    normalise: z
      .enum(['none', 'zscore'])
      .default('none')
      .describe(
        'none: cluster raw sums, as published; zscore: each trajectory by its own mean and spread, its shape alone',
      ),
    minCluster: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('leave out clusters with fewer rows; default: 1 for variant paper, 3 for official'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the trajectories'),
    textOnly: textOnlyOption
      .optional()
      .describe(
        'rows without an image; score: one cluster of their own, drawn at random; default: proportional for variant paper, score for official (as published)',
      ),
  })
  .transform(({ minCluster, textOnly, ...rest }): XmasOptions => {
    const isOfficial = rest.variant === 'official';
    return {
      ...rest,
      minCluster: minCluster ?? (isOfficial ? 3 : 1),
      textOnly: textOnly ?? (isOfficial ? 'score' : 'proportional'),
    };
  });

/**
 * XMAS: rows whose attention between text and image develops alike while a small model is trained teach alike, so that
 * an equal share of each such cluster is kept, the steadiest rows first.
 */
export const xmas: Selector<XmasOptions> = {
  name: 'xmas',
  order: 20,
  version: 2,
  title: 'XMAS: trajectories of cross-modal attention',
  source: 'Naharas et al. 2025, arXiv 2510.01454; code BigML-CS-UCLA/XMAS at c3e95c8',
  summary:
    'Clusters rows by how their attention between text and image develops over checkpoints of a small model, and keeps the steadiest rows of each cluster in equal shares.',
  formula: [
    'A_t = Σ_layers softmax(Q Kᵀ / √d), rows: text, columns: image, at checkpoint t',
    'a(t) = sum of the 5 largest singular values of A_t',
    'cluster the trajectories a(1..T) by k-means (k = 1,000), equal shares from the smallest cluster up',
    'in each keep the smallest Σ_t |a(t+1) − a(t)|',
  ].join('\n'),
  deviations: [
    'P2: rows of clusters of 1 or 2 rows are missing from a large budget',
    'P5: rows of clusters of 1 or 2 rows are never kept',
    'P8: missing values count as 0, so that a row without a trajectory may be kept',
  ],
  options,
  needs: ({ column, labels }) => (labels === undefined ? [column] : [column, labels]),
  async select(input, chosen, context) {
    const { variant, column, values, top, normalise, labels } = chosen;
    const pool = openPool(input, chosen.textOnly, context);
    const textRows = takeTextOnly(pool, input);
    // a_i(t), and their instability before missing values are replaced.
    const raw = sumTop(vectorColumn(input, column), values, top);
    pool.notes.push(...oneCheckpoint(column, raw.width));
    const unsteady = instability(raw);
    const trajectories = variant === 'official' ? nanToZero(raw) : raw;
    if (variant === 'paper') {
      const isMissing = (row: number): boolean => !Number.isFinite(unsteady[row]);
      dropRows(pool, 'nan', `have no complete trajectory in \`${column}\``, isMissing);
    }
    const vectors = (): WideColumn => wideOf(normalise === 'zscore' ? standardised(trajectories) : trajectories);
    const k = chosen.k ?? Math.min(CLUSTERS, clustersFor(pool.rows.length));
    const { ids, clusters } = await intoClusters(input, pool, { labels, vectors, k }, context);
    for (const cluster of clusters) cluster.candidates = [...rankRows(cluster.members, unsteady, 'asc')];
    if (textRows.length > 0) clusters.push(textCluster(textRows, clusters, context.seed));

    keepShares(pool, clusters, chosen, unsteady);
    return closePool(pool, { method: 'xmas', options: chosen, order: 'rank', clusters: ids }, input, context);
  },
};

/** Rows without an image that compete have no trajectory: they leave the pool, to form a cluster of their own. */
function takeTextOnly(pool: Pool, input: SelectorInput): number[] {
  const isText = (row: number): boolean => input.textOnly?.[row] === 1;
  const taken = pool.rows.filter(isText);
  pool.rows = pool.rows.filter((row) => !isText(row));
  return taken;
}

function textCluster(rows: number[], clusters: readonly Cluster[], seed: number): Cluster {
  const id = clusters.reduce((largest, cluster) => Math.max(largest, cluster.id), -1) + 1;
  const candidates = createRandom(seed, 'select/xmas/text-only').shuffle([...rows]);
  return { id, label: 'text-only', members: rows, candidates };
}

/** Equal shares from the smallest cluster up; what it can't give flows to the larger ones. */
function keepShares(
  pool: Pool,
  clusters: readonly Cluster[],
  { minCluster }: XmasOptions,
  unsteady: ArrayLike<number>,
): void {
  const ascending = [...clusters].sort((a, b) => a.members.length - b.members.length);
  const used = ascending.filter(({ members }) => members.length >= minCluster);
  const shares = waterFill(
    used.map(({ members }) => members.length),
    pool.budget,
  );
  used.forEach((cluster, c) => {
    keepFromGroup(pool, cluster, shares[c]!, shares[c]!, cluster.label === 'text-only' ? undefined : unsteady);
  });
  const dropped = ascending.filter(({ members }) => members.length > 0 && members.length < minCluster);
  for (const { id, members } of dropped) {
    for (const row of members) Object.assign(pool.reasons[row]!, { code: 'small-cluster', cluster: id });
  }
  const rows = dropped.reduce((sum, { members }) => sum + members.length, 0);
  if (rows === 0) return;
  pool.leftOut.push(`${rows} rows are in clusters of fewer than ${minCluster} rows`);
  pool.notes.push(`${dropped.length} clusters with fewer than ${minCluster} rows are left out, ${rows} rows in all.`);
}
