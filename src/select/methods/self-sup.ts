import { z } from 'zod';
import { mapRows } from '../../numeric/columns.ts';
import { type Matrix, unitRows } from '../../numeric/linalg/matrix.ts';
import { rankRows } from '../../numeric/topk.ts';
import { clustersFor, dropUnclusterable, intoClusters } from '../kit/clusters.ts';
import { wideColumn } from '../kit/columns.ts';
import { closePool, countAsOneGroup, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface SelfSupOptions extends Record<string, unknown> {
  keep: 'near' | 'far';
  distance: 'cosine' | 'l2';
  k?: number | undefined;
  embedding: string;
  labels?: string | undefined;
  textOnly: TextOnlyPolicy;
}

/**
 * Distance of each row of a cluster to its prototype, the mean of its rows, all at length 1: 1 - cos, or Euclidean.
 * Computed in double precision and rounded to single, so that rows which lie equally far (two alone, or one) tie,
 * whatever the rounding on the way.
 */
export function prototypeDistances(own: Matrix, distance: 'cosine' | 'l2'): Float64Array {
  const { rows, width } = own;
  const units = Float64Array.from(own.data);
  const mean = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    const unit = units.subarray(row * width, (row + 1) * width);
    const length = lengthOf(unit);
    for (let t = 0; t < width; t++) {
      if (length > 0) unit[t]! /= length;
      mean[t]! += unit[t]! / rows;
    }
  }
  const meanLength = lengthOf(mean);
  return Float64Array.from({ length: rows }, (_, row) => {
    let dot = 0;
    let square = 0;
    for (let t = 0; t < width; t++) {
      const value = units[row * width + t]!;
      dot += value * mean[t]!;
      square += (value - mean[t]!) ** 2;
    }
    if (distance === 'l2') return Math.fround(Math.sqrt(square));
    return 1 - Math.fround(meanLength === 0 ? 0 : dot / meanLength);
  });
}

const lengthOf = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/**
 * Self-supervised prototypes: typical or untypical rows, by their distance to the nearest of the prototypes of the
 * data.
 */
export const selfSup: Selector<SelfSupOptions> = {
  name: 'self-sup',
  order: 60,
  version: 2,
  title: 'Self-Sup prototypes: distance to the nearest prototype',
  source: 'Sorscher et al., NeurIPS 2022, arXiv 2206.14486; no selector was published',
  summary:
    'Clusters the embeddings and keeps the rows nearest to the prototypes (typical, for scarce data) or farthest from them (hard, for plenty).',
  formula: [
    'prototypes: centroids of spherical k-means of the image embeddings',
    'score = 1 − cos(row, nearest prototype)',
    'keep near: the smallest scores; keep far: the largest',
  ].join('\n'),
  options: z.strictObject({
    keep: z
      .enum(['near', 'far'])
      .describe(
        'which end to keep, to be said: far as Sorscher et al. do with plenty of data, near as baselines of other papers do',
      ),
    distance: z.enum(['cosine', 'l2']).default('cosine').describe('of unit vectors to the mean of their cluster'),
    k: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('number of prototypes; default: one for 66 rows, at most 10,000'),
    embedding: z.string().min(1).default('image').describe('column of the embedding'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the embedding'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  comparisonVariants: [{ keep: 'near' }, { keep: 'far' }],
  needs: ({ embedding, labels }) => (labels === undefined ? [embedding] : [embedding, labels]),
  streams: ({ embedding }) => [embedding],
  async select(input, options, context) {
    const column = wideColumn(input, options.embedding);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    await dropUnclusterable(pool, column, options.embedding);
    const points = mapRows(column, unitRows);
    const { labels, keep } = options;
    const k = options.k ?? clustersFor(pool.rows.length);
    const source = { labels, vectors: () => points, k, spherical: true, refuseCollapse: true };
    const { ids, clusters } = await intoClusters(input, pool, source, context);
    const distances = new Float64Array(input.rows).fill(Number.NaN);
    for (const { members } of clusters) {
      const own = prototypeDistances(await points.gather(members), options.distance);
      members.forEach((row, i) => {
        distances[row] = own[i]!;
      });
    }
    rankRows(pool.rows, distances, keep === 'near' ? 'asc' : 'desc').forEach((row, i) => {
      const kept = i < pool.budget;
      const code = kept ? 'kept-top' : 'below-quota';
      Object.assign(pool.reasons[row]!, { kept, code, rank: i + 1, score: distances[row]!, cluster: ids[row]! });
      if (kept) pool.kept.push(row);
    });
    countAsOneGroup(pool, size, Math.min(pool.budget, pool.rows.length));
    return closePool(pool, { method: 'self-sup', options, order: 'rank', clusters: ids }, input, context);
  },
};
