import { z } from 'zod';
import { mapRows, type WideColumn } from '../../../numeric/columns.ts';
import { openProducts, type Products } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, rowLength, unitRows } from '../../../numeric/linalg/matrix.ts';
import { rankRows } from '../../../numeric/topk.ts';
import { type Cluster, clustersFor, dropUnclusterable, intoClusters } from '../../kit/clusters.ts';
import { wideColumn } from '../../kit/columns.ts';
import { closePool, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { chainSimilarity, groupSimilarity } from './duplicates.ts';

export interface SemdedupOptions extends Record<string, unknown> {
  variant: 'group' | 'chain';
  eps?: number | undefined;
  keep: 'hard' | 'easy';
  k?: number | undefined;
  niter: number;
  embedding: string;
  labels?: string | undefined;
  textOnly: TextOnlyPolicy;
}

const options = z.strictObject({
  variant: z
    .enum(['group', 'chain'])
    .default('group')
    .describe(
      'group: one row stands for all that are linked by similar pairs (the paper); chain: a row goes when any row before it is similar, a removed one too (the published code)',
    ),
  eps: z.coerce
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe('rows with a cosine above 1 - eps are duplicates; default: as large as the budget asks'),
  keep: z
    .enum(['hard', 'easy'])
    .default('hard')
    .describe('of duplicates keep the one farthest from the centroid of its cluster (hard) or nearest to it (easy)'),
  k: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('number of clusters that are searched for duplicates; default: one for 66 rows, at most 10,000'),
  niter: z.coerce.number().int().min(1).default(50).describe('most iterations of spherical k-means'),
  embedding: z.string().min(1).default('hidden').describe('column of the embedding'),
  labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the embedding'),
  textOnly: textOnlyOption.default('proportional'),
});

/** SemDeDup: of rows that mean the same only one is kept. */
export const semdedup: Selector<SemdedupOptions> = {
  name: 'semdedup',
  order: 40,
  version: 2,
  title: 'SemDeDup: semantic deduplication',
  source: 'Abbas et al. 2023, arXiv 2303.09540; code facebookresearch/SemDeDup at 6b41945',
  summary:
    'Removes rows whose embedding is closest to that of another row in their cluster, until the budget is met or, with --eps, no pair is closer.',
  formula: [
    'within each cluster, rows from the farthest to the centroid to the nearest:',
    'M_j = largest cosine that links row j with a row before it',
    'keep the smallest M until the budget is met; with ε: remove j if M_j > 1 − ε',
  ].join('\n'),
  options,
  needs: ({ embedding, labels }) => (labels === undefined ? [embedding] : [embedding, labels]),
  streams: ({ embedding }) => [embedding],
  setsOwnSize: ({ eps }) => eps !== undefined,
  async select(input, chosen, context) {
    const column = wideColumn(input, chosen.embedding);
    const pool = openPool(input, chosen.textOnly, context);
    await dropUnclusterable(pool, column, chosen.embedding);
    const points = mapRows(column, unitRows);
    const { labels, niter } = chosen;
    const k = chosen.k ?? clustersFor(pool.rows.length);
    const { ids, clusters } = await intoClusters(
      input,
      pool,
      { labels, vectors: () => points, k, niter, spherical: true, refuseCollapse: true },
      context,
    );
    const similarity = await similarities(points, clusters, chosen, input.rows, context.signal);
    keepLeastSimilar(pool, similarity, ids, chosen.eps);
    countClusters(pool, clusters);
    return closePool(pool, { method: 'semdedup', options: chosen, order: 'rank', clusters: ids }, input, context);
  },
};

/** M of each row, by its cluster. */
async function similarities(
  points: WideColumn,
  clusters: readonly Cluster[],
  { variant, keep }: SemdedupOptions,
  rows: number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const found = new Float64Array(rows).fill(Number.NaN);
  const products = await openProducts();
  try {
    for (const { members } of clusters) {
      signal?.throwIfAborted();
      const own = await points.gather(members);
      const all = Array.from(members.keys());
      const order = orderByCentroid(own, all, sumOfUnits(own), keep);
      const similarity = await duplicateSimilarity(own, order, variant, products);
      order.forEach((at, i) => {
        found[members[at]!] = similarity[i]!;
      });
    }
  } finally {
    await products.release();
  }
  return found;
}

/**
 * Rows of a cluster in the order in which they are kept: farthest from the centroid first (hard), or nearest (easy, the
 * reverse). Cosines are rounded to single precision: rows that lie equally far, as two alone do, tie and go by their
 * order, whatever the rounding on the way.
 *
 * @param centroid of any length
 */
export function orderByCentroid(
  points: Matrix,
  members: readonly number[],
  centroid: ArrayLike<number>,
  keep: 'hard' | 'easy',
): Int32Array {
  const { data, width } = points;
  const toCentroid = Float32Array.from(members, (row) => {
    let dot = 0;
    for (let t = 0; t < width; t++) dot += data[row * width + t]! * centroid[t]!;
    return dot / (rowLength(points, row) || 1);
  });
  const hardFirst = rankRows(Array.from(members.keys()), toCentroid, 'asc').map((i) => members[i]!);
  return keep === 'hard' ? hardFirst : hardFirst.reverse();
}

/**
 * The direction of the centroid of all rows: the sum of them at length 1, which those of single precision have only
 * nearly.
 */
function sumOfUnits(points: Matrix): Float64Array {
  const { data, rows, width } = points;
  const sum = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    const length = rowLength(points, row) || 1;
    for (let t = 0; t < width; t++) sum[t]! += data[row * width + t]! / length;
  }
  return sum;
}

/** M of each row of an order, by the variant. */
export function duplicateSimilarity(
  points: Matrix,
  order: Int32Array,
  variant: SemdedupOptions['variant'],
  products: Products,
): Promise<Float64Array> {
  return variant === 'chain' ? chainSimilarity(points, order, products) : groupSimilarity(points, order, products);
}

/** Keeps the rows with the smallest M, and with `eps` none with M > 1 - eps. */
function keepLeastSimilar(pool: Pool, similarity: Float64Array, ids: Int32Array, eps: number | undefined): void {
  const isDuplicate = (row: number): boolean => eps !== undefined && similarity[row]! > 1 - eps;
  let rank = 0;
  let duplicates = 0;
  for (const row of rankRows(pool.rows, similarity, 'asc')) {
    const reason = pool.reasons[row]!;
    reason.cluster = ids[row]!;
    reason.score = similarity[row]!;
    if (isDuplicate(row)) {
      reason.code = 'duplicate';
      duplicates++;
      continue;
    }
    reason.rank = ++rank;
    reason.kept = rank <= pool.budget;
    // Without eps the budget decides what counts as a duplicate.
    reason.code = reason.kept ? 'kept-distinct' : eps === undefined ? 'duplicate' : 'below-quota';
    if (reason.kept) pool.kept.push(row);
  }
  if (duplicates === 0) return;
  const what = `${duplicates} rows have a duplicate within eps ${eps}`;
  pool.leftOut.push(what);
  pool.notes.push(`${what}.`);
}

function countClusters(pool: Pool, clusters: readonly Cluster[]): void {
  for (const { id, label, members } of clusters) {
    const candidates = members.filter((row) => pool.reasons[row]!.rank !== undefined).length;
    const kept = members.filter((row) => pool.reasons[row]!.kept).length;
    const counts = { cluster: id, size: members.length, candidates, quota: kept, kept };
    pool.counts.push(label === undefined ? counts : { ...counts, label });
  }
}
