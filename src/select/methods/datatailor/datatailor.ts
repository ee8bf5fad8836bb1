import { z } from 'zod';
import type { WideColumn } from '../../../numeric/columns.ts';
import { openProducts, type Products } from '../../../numeric/linalg/gemm.ts';
import { wardClusters } from '../../../numeric/linalg/ward.ts';
import { mean } from '../../../numeric/statistics/statistics.ts';
import { byScore } from '../../../numeric/topk.ts';
import { largestRemainder } from '../../kit/allocate.ts';
import { sizeTimesSquare } from '../../kit/allocate-published.ts';
import { clusterRows } from '../../kit/clustering.ts';
import { dropUnclusterable } from '../../kit/clusters.ts';
import { groupBy, labelColumn, scalarColumn, wideColumn } from '../../kit/columns.ts';
import { groupsOf, keepFromGroup } from '../../kit/groups.ts';
import { closePool, dropRows, openPool } from '../../kit/pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { SelectContext, Selector, TextOnlyPolicy } from '../../selector.ts';
import { combinedRank, meanRow, ranksOf, representativeness, uniqueness } from './datatailor-values.ts';

export interface DatatailorOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  informativeness: string;
  tau: string;
  turns: string;
  embedding: string;
  labels?: string | undefined;
  cut: number;
  textOnly: TextOnlyPolicy;
}

/** Rows of a source whose distances are all held (32 MiB); above, Ward merges the means of clusters made first. */
const WARD_ROWS = 2048;
const FIRST_CLUSTERS = 1024;
const FIRST_ITERATIONS = 10;

/** DataTailor: informative, unique and representative rows of every source. */
export const datatailor: Selector<DatatailorOptions> = {
  name: 'datatailor',
  order: 330,
  version: 2,
  title: 'DataTailor: informative, unique, representative',
  source: 'DataTailor, Yu et al. (ICCV 2025), arXiv 2412.06293; code Yuqifan1117/DataTailor at a23a9d3',
  summary:
    'Ranks the rows of every source by how much information their token states hold, how far they are from others of their cluster, and how like other clusters theirs is.',
  formula: [
    'within each source: I = normalised entropy of the singular values of the token states',
    'uniqueness = Σ_j d_ij I_j / (Σ d / size) over its cluster; representativeness = I × mean over other clusters of exp(cos of centroids)',
    'score = (R rank(I) + rank(uniq.) + rank(repr.)) / (R + 2), R turns',
    'quota of a source ∝ size × (mean τ)², τ the largest normalised singular value',
  ].join('\n'),
  deviations: [
    'P2: quotas are rounded down, so that their sum is below the budget',
    'P5: a source gives no more than its quota',
    'A row alone in its cluster ranks as the most unique',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: exactly the budget; official: the published code, quotas of sources rounded down, rows alone in their cluster count as most unique',
      ),
    informativeness: z
      .string()
      .min(1)
      .default('informativeness')
      .describe('column of the normalised entropy of the singular values of the last token states'),
    tau: z.string().min(1).default('tau').describe('column of the largest of those singular values, normalised'),
    turns: z.string().min(1).default('turns').describe('column of the number of turns'),
    embedding: z.string().min(1).default('hidden').describe('column of pooled last hidden states, which are clustered'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the embedding'),
    cut: z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Ward clusters of a source are cut at this share of the height of its last merge'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ informativeness, tau, turns, embedding, labels }) => [
    informativeness,
    tau,
    turns,
    embedding,
    ...(labels === undefined ? [] : [labels]),
  ],
  streams: ({ embedding }) => [embedding],
  async select(input, options, context) {
    const names = [options.informativeness, options.tau, options.turns];
    const [informativeness, tau, turns] = names.map((name) => scalarColumn(input, name)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const points = wideColumn(input, options.embedding);
    const labels = options.labels === undefined ? undefined : labelColumn(input, options.labels).groups;
    const pool = openPool(input, options.textOnly, context);
    const isBad = (row: number): boolean =>
      ![informativeness, tau, turns].every((values) => Number.isFinite(values[row]));
    dropRows(pool, 'nan', `have no finite \`${names.join('`, `')}\``, isBad);
    await dropUnclusterable(pool, points, options.embedding);
    const { groups, labels: sourceNames } = groupBy(
      Array.from({ length: input.rows }, (_, row) => input.source?.[row] ?? null),
    );
    const sources = groupsOf(pool.rows, groups, sourceNames, 'no source');
    const isOfficial = options.variant === 'official';
    const ids = new Int32Array(input.rows).fill(-1);
    const score = new Float64Array(input.rows).fill(Number.NaN);
    let next = 0;
    const products = await openProducts();
    try {
      for (const { members } of sources) {
        const clusters = await clustersOf(points, members, labels, options.cut, context);
        for (const rows of clusters) for (const row of rows) ids[row] = next + clusters.indexOf(rows);
        next += clusters.length;
        await scoreSource({ points, members, clusters, informativeness, turns, isOfficial }, score, products);
      }
    } finally {
      await products.release();
    }
    const sizes = sources.map(({ members }) => members.length);
    const spread = sources.map(({ members }) => mean(members.map((row) => tau[row]!)));
    const weights = sizes.map((size, s) => size * spread[s]! ** 2);
    const exact = largestRemainder(weights, Math.min(pool.budget, pool.rows.length), sizes);
    const share = context.fraction === undefined ? pool.budget : context.fraction * pool.rows.length;
    const quota = isOfficial ? sizeTimesSquare(sizes, spread, share) : exact.quota;
    const taken = isOfficial ? quota.map((n, s) => Math.min(n, sizes[s]!)) : exact.taken;
    sources.forEach((source, s) => {
      const candidates = [...source.members].sort(byScore(score));
      keepFromGroup(pool, { ...source, candidates }, quota[s]!, taken[s]!, score);
    });
    if (isOfficial) pool.leftOut.push('quotas of sources are rounded down');
    return closePool(pool, { method: 'datatailor', options, order: 'row', clusters: ids }, input, context);
  },
};

/**
 * Clusters of one source: by labels, else by Ward, whose distances are held for at most 2,048 rows; more are first
 * clustered by k-means.
 */
async function clustersOf(
  points: WideColumn,
  members: readonly number[],
  labels: Int32Array | undefined,
  cut: number,
  context: SelectContext,
): Promise<number[][]> {
  let found: ArrayLike<number>;
  if (labels !== undefined) found = members.map((row) => labels[row]!);
  else if (members.length <= WARD_ROWS) found = wardClusters(await points.gather(members), cut);
  else {
    const first = await clusterRows(points, members, FIRST_CLUSTERS, context, { niter: FIRST_ITERATIONS });
    const parts = Array.from({ length: first.k }, () => [] as number[]);
    for (const row of members) parts[first.clusters[row]!]!.push(row);
    const used = parts.filter((rows) => rows.length > 0);
    const means = new Float32Array(used.length * points.width);
    for (const [c, rows] of used.entries()) means.set(meanRow(await points.gather(rows)), c * points.width);
    const centroids = { data: means, rows: used.length, width: points.width };
    const merged = wardClusters(
      centroids,
      cut,
      used.map((rows) => rows.length),
    );
    return groupRows(used, merged);
  }
  return groupRows(
    members.map((row) => [row]),
    found,
  );
}

/** Rows of the parts of each cluster, ascending. */
function groupRows(parts: readonly (readonly number[])[], found: ArrayLike<number>): number[][] {
  const clusters = new Map<number, number[]>();
  parts.forEach((part, i) => {
    const rows = clusters.get(found[i]!) ?? [];
    clusters.set(found[i]!, rows);
    for (const row of part) rows.push(row);
  });
  return [...clusters.values()].map((rows) => rows.sort((a, b) => a - b));
}

interface Source {
  points: WideColumn;
  members: readonly number[];
  clusters: readonly (readonly number[])[];
  informativeness: ArrayLike<number>;
  turns: ArrayLike<number>;
  isOfficial: boolean;
}

/** (R rank(I) + rank(U) + rank(P)) / (R + 2) for each row of a source, R being its number of turns. */
async function scoreSource(source: Source, score: Float64Array, products: Products): Promise<void> {
  const { points, members, clusters, informativeness, turns, isOfficial } = source;
  const representative = await representativeness(points, clusters, informativeness, isOfficial);
  const unique = new Map<number, number>();
  for (const rows of clusters) {
    const values = await uniqueness(
      await points.gather(rows),
      rows.map((row) => informativeness[row]!),
      products,
      isOfficial,
    );
    rows.forEach((row, i) => {
      unique.set(row, values[i]!);
    });
  }
  const ofInformative = ranksOf(members.map((row) => informativeness[row]!));
  const ofUnique = ranksOf(members.map((row) => unique.get(row)!));
  const ofRepresentative = ranksOf(members.map((row) => representative.get(row)!));
  members.forEach((row, i) => {
    const ranks = [ofInformative[i]!, ofUnique[i]!, ofRepresentative[i]!] as const;
    score[row] = combinedRank(ranks, turns[row]!, members.length, isOfficial);
  });
}
