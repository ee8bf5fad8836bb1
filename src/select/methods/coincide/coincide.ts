import { z } from 'zod';
import { WinnowError } from '../../../base/errors.ts';
import { mapRows, type WideColumn } from '../../../numeric/columns.ts';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { type Matrix, nanToZero, unitRows } from '../../../numeric/linalg/matrix.ts';
import { type Cluster, clustersFor, dropUnclusterable, intoClusters } from '../../kit/clusters.ts';
import { wideColumn } from '../../kit/columns.ts';
import { keepFromGroup } from '../../kit/groups.ts';
import { closePool, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyByVariant } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { meanDirections, type Pruned, pruneClusters } from './prune-clusters.ts';
import { sliceOfLayers, transferability } from './transferability.ts';

export interface CoincideOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  k?: number | undefined;
  niter: number;
  embedding: string;
  labels?: string | undefined;
  layers: number;
  temperature: number;
  sigma: number;
  textOnly: TextOnlyPolicy;
}

/** The published code leaves pairs of centroids above this cosine out of the transferability. */
const EXCLUDED_ABOVE = 0.9;

const textOnly = textOnlyByVariant('score');

const options = z
  .strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: the budget is met; official: the published code: density with the diagonal, transferability of the language half without pairs above 0.9, shares one after the other, which may fall short',
      ),
    k: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('number of clusters; default: one for 66 rows, at most 10,000, which is what LLaVA-665K was given'),
    niter: z.coerce.number().int().min(1).default(50).describe('most iterations of spherical k-means'),
    embedding: z
      .string()
      .min(1)
      .default('coincide')
      .describe('column of the features: [vision, language] for each layer'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the features'),
    layers: z.coerce.number().int().min(1).default(5).describe('layers in a feature; of variant official'),
    temperature: z.coerce
      .number()
      .positive()
      .default(0.1)
      .describe('tau of the softmax of scores: low favours the best clusters'),
    sigma: z.coerce.number().positive().default(1).describe('width of the Gaussian kernel'),
    textOnly: textOnly.option,
  })
  .transform((given): CoincideOptions => textOnly.withDefault(given));

/**
 * COINCIDE: clusters of concept and skill share the budget by how well they transfer to others (T) and how redundant
 * they are (D), and each gives the rows that stand for it best.
 */
export const coincide: Selector<CoincideOptions> = {
  name: 'coincide',
  order: 30,
  version: 2,
  title: 'COINCIDE: concept-skill clusters',
  source: 'Lee et al., EMNLP 2024, arXiv 2406.10995; code G-JWLee/COINCIDE_code at 629f776',
  summary:
    'Clusters rows by what a small model does with them, takes more from clusters that are close to others and diverse within, and from each the rows that represent it best.',
  formula: [
    's_c = T_c / D_c for each cluster c of the features (spherical k-means, one for 66 rows, at most 10,000)',
    'T_c = mean cosine of its centroid to the others',
    'D_c = mean over pairs of exp(−‖x − y‖² / 2σ²)',
    'share of c = softmax(s_c / τ), τ = 0.1',
    'in c greedily minimise MMD² between what is kept and c',
  ].join('\n'),
  deviations: [
    'P2: shares are visited one after the other and what the last clusters lack is lost, so that fewer rows than asked for are returned',
    'P5: what a cluster visited late lacks is lost',
    'P8: missing values count as 0',
    'T looks at the language half alone and leaves out pairs above 0.9; D has the diagonal, so that small clusters look dense',
  ],
  options,
  needs: ({ embedding, labels }) => (labels === undefined ? [embedding] : [embedding, labels]),
  streams: ({ embedding }) => [embedding],
  async select(input, chosen, context) {
    const column = wideColumn(input, chosen.embedding);
    const pool = openPool(input, chosen.textOnly, context);
    if (chosen.variant === 'paper') await dropUnclusterable(pool, column, chosen.embedding);
    const points = mapRows(column, (rows) => unitRows(chosen.variant === 'official' ? nanToZero(rows) : rows));
    const { labels, niter } = chosen;
    const k = chosen.k ?? clustersFor(pool.rows.length);
    const { ids, clusters } = await intoClusters(
      input,
      pool,
      { labels, vectors: () => points, k, niter, spherical: true, refuseCollapse: true },
      context,
    );
    const pruned = await prune(points, clusters, pool.budget, chosen, context.signal);
    for (const c of pruned.order) keepCluster(pool, clusters[c]!, pruned, c);
    if (pool.kept.length < Math.min(context.budget, pool.rows.length) && chosen.variant === 'official') {
      pool.leftOut.push(
        'clusters visited late are smaller than their shares, and the published rule passes nothing on',
      );
    }
    return closePool(pool, { method: 'coincide', options: chosen, order: 'rank', clusters: ids }, input, context);
  },
};

async function prune(
  points: WideColumn,
  clusters: readonly Cluster[],
  budget: number,
  chosen: CoincideOptions,
  signal?: AbortSignal,
): Promise<Pruned> {
  const products = await openProducts();
  try {
    const members = clusters.map((cluster) => cluster.members);
    const centroids = await centroidsOf(points, members);
    const transfer =
      chosen.variant === 'official'
        ? await transferability(languageHalf(centroids, chosen), products, { excludeAbove: EXCLUDED_ABOVE })
        : await transferability(centroids, products);
    return await pruneClusters(points, members, transfer, budget, chosen, products, signal);
  } finally {
    await products.release();
  }
}

async function centroidsOf(points: WideColumn, clusters: readonly (readonly number[])[]): Promise<Matrix> {
  const { width, held } = points;
  if (held !== undefined) return meanDirections(held, clusters);
  const data = new Float32Array(clusters.length * width);
  for (const [c, members] of clusters.entries()) {
    const own = await points.gather(members);
    data.set(meanDirections(own, [Array.from(members.keys())]).data, c * width);
  }
  return { data, rows: clusters.length, width };
}

function languageHalf(centroids: Matrix, { layers, embedding }: CoincideOptions): Matrix {
  const perLayer = centroids.width / layers;
  if (Number.isInteger(perLayer / 2)) return sliceOfLayers(centroids, layers, [perLayer / 2, perLayer]);
  throw new WinnowError({
    code: 'COLUMN_KIND',
    message: `The column \`${embedding}\` has ${centroids.width} numbers a row, which are not [vision, language] of ${layers} layers.`,
    hint: 'Say with --layers how many layers a feature has, or use --variant paper, which needs no layers.',
    exitCode: 2,
  });
}

function keepCluster(pool: Pool, cluster: Cluster, { kept, quota, score }: Pruned, c: number): void {
  const isKept = new Set(kept[c]);
  cluster.candidates = [...kept[c]!, ...cluster.members.filter((row) => !isKept.has(row))];
  keepFromGroup(pool, cluster, Math.min(quota[c]!, cluster.members.length), kept[c]!.length);
  for (const row of cluster.members) pool.reasons[row]!.score = score[c]!;
}
