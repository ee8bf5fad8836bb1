import { z } from 'zod';
import { byScore } from '../../numeric/topk.ts';
import { type Allocation, fixedRatio, largestRemainder } from '../kit/allocate.ts';
import { type Cluster, intoClusters } from '../kit/clusters.ts';
import { scalarColumn, wideColumn } from '../kit/columns.ts';
import type { Ratio } from '../kit/exact-shares.ts';
import { keepFromGroup } from '../kit/groups.ts';
import { DEFAULT_THRESHOLDS } from '../kit/necessity-class.ts';
import { closePool, openPool, type Pool } from '../kit/pool.ts';
import { textOnlyByVariant } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface VisnecOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  base: 'total' | 'cluster' | 'survivors';
  k: number;
  score: string;
  embedding: string;
  labels?: string | undefined;
  threshold: number;
  blindThreshold: number;
  minScore: number;
  textOnly: TextOnlyPolicy;
}

/** Rows a step of the published clustering. */
const MINI_BATCH = 2048;

const textOnly = textOnlyByVariant('score');

const options = z
  .strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: only rows with S > 0, the budget is a total; official: the published code, max(1, floor(r |C|)) a cluster by mini-batch k-means, no filter',
      ),
    base: z
      .enum(['total', 'cluster', 'survivors'])
      .default('total')
      .describe(
        'of variant paper, what the budget is a share of. total: the pool, quotas by largest remainder; cluster, survivors: max(1, floor(r n)) of each cluster, or of its rows with S > 0',
      ),
    k: z.coerce.number().int().min(1).default(20).describe('K, the number of clusters of the instructions'),
    score: z.string().min(1).default('necessity').describe('column of S, nats/token'),
    embedding: z.string().min(1).default('instruction').describe('column of the embedding that is clustered'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering an embedding'),
    threshold: z.coerce
      .number()
      .min(0)
      .default(DEFAULT_THRESHOLDS.critical)
      .describe('t in nats/token: S > t critical, |S| <= t redundant or neither, S < -t misaligned'),
    blindThreshold: z.coerce
      .number()
      .min(0)
      .default(DEFAULT_THRESHOLDS.blind)
      .describe(
        'u in nats/token, of rows with |S| <= t: a loss without the image up to u is redundant, above it neither; ln 2 is a probability of one half a token',
      ),
    minScore: z.coerce
      .number()
      .min(0)
      .default(0)
      .describe(
        'of variant paper: only rows with S above this may be kept; 0 is the paper, the threshold keeps critical rows only',
      ),
    textOnly: textOnly.option,
  })
  .refine(({ variant, base }) => variant === 'paper' || base === 'total', {
    path: ['base'],
    message: 'base belongs to variant paper: the official rule takes its share of each whole cluster',
  })
  .transform((given): VisnecOptions => textOnly.withDefault(given));

/**
 * VisNec: samples whose image lowers the loss of the answer most, S = loss_blind - loss_mm, spread over clusters of
 * their instructions so that no kind of question takes all the budget.
 */
export const visnec: Selector<VisnecOptions> = {
  name: 'visnec',
  order: 10,
  version: 2,
  title: 'VisNec: visual necessity',
  source: 'VisNec (ECCV 2026), arXiv 2603.01195; code DMK041218/VisNec at f0a4e9d',
  summary:
    'Keeps samples whose answer gets more likely with the image, in every cluster of instructions in proportion to its size; drops those whose image does not.',
  formula: [
    'S = L_blind − L_mm, mean response loss without and with the image, nats/token',
    'per cluster c of the instructions (k-means, K = 20): keep the largest S > 0',
    'quota of c = largest remainder of |c| / N × budget; what c cannot fill goes to the others',
  ].join('\n'),
  headline: 'necessity',
  deviations: [
    'P2: max(1, floor(r |C|)) a cluster, so that the sum is not the budget',
    'P5: a cluster of one row is always kept',
    'P8: a cluster without finite scores gives a row all the same',
    'No filter: rows with S ≤ 0 are kept where a cluster has nothing better',
  ],
  options,
  needs: ({ score, labels, embedding }) => [score, labels ?? embedding],
  async select(input, chosen, context) {
    const score = scalarColumn(input, chosen.score);
    const pool = openPool(input, chosen.textOnly, context);
    const { labels, embedding, k } = chosen;
    const vectors = () => wideColumn(input, embedding);
    const miniBatch = chosen.variant === 'official' ? MINI_BATCH : undefined;
    const { ids, clusters } = await intoClusters(input, pool, { labels, vectors, k, miniBatch }, context);
    fillCandidates(clusters, score, chosen);
    const { budget, fraction } = context;
    const ratio = fraction ?? { part: budget, whole: input.rows };
    const { quota, taken } = allocate(clusters, pool.budget, chosen, ratio);

    clusters.forEach((cluster, c) => {
      keepFromGroup(pool, cluster, quota[c]!, taken[c]!);
      explainRest(pool, cluster, score, chosen);
    });
    noteVariant(pool, chosen, context.budget);
    return closePool(
      pool,
      { method: 'visnec', options: chosen, order: 'row', clusters: ids, ...shortOf(pool, clusters, score, chosen) },
      input,
      context,
    );
  },
};

/** Paper: S > 0 (or a higher `minScore`) only. Official: everything, largest S first, NaN last. */
function fillCandidates(clusters: Cluster[], score: ArrayLike<number>, { variant, minScore }: VisnecOptions): void {
  for (const cluster of clusters) {
    const isCandidate = (row: number): boolean => Number.isFinite(score[row]) && score[row]! > Math.fround(minScore);
    cluster.candidates = variant === 'official' ? [...cluster.members] : cluster.members.filter(isCandidate);
    cluster.candidates.sort(byScore(score));
  }
}

function allocate(
  clusters: Cluster[],
  budget: number,
  { variant, base }: VisnecOptions,
  ratio: Ratio,
): Pick<Allocation, 'quota' | 'taken'> {
  const sizes = clusters.map(({ members }) => members.length);
  const candidates = clusters.map((cluster) => cluster.candidates.length);
  if (variant === 'paper' && base === 'total') {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    return largestRemainder(sizes, Math.min(budget, total), candidates);
  }
  const quota = fixedRatio(base === 'survivors' ? candidates : sizes, ratio);
  return { quota, taken: quota.map((n, c) => Math.min(n, candidates[c]!)) };
}

function explainRest(pool: Pool, { id, members }: Cluster, score: ArrayLike<number>, chosen: VisnecOptions): void {
  for (const row of members) {
    const reason = pool.reasons[row]!;
    const s = score[row]!;
    reason.cluster = id;
    reason.score = s;
    if (!Number.isFinite(s)) {
      if (!reason.kept) reason.code = 'nan';
    } else if (chosen.variant === 'paper' && s <= Math.fround(chosen.minScore)) {
      reason.code = s <= 0 ? 'not-positive' : 'below-minimum';
    }
  }
}

function shortOf(
  pool: Pool,
  clusters: Cluster[],
  score: ArrayLike<number>,
  { variant, base, minScore }: VisnecOptions,
): { because?: string } {
  if (variant === 'official' || base !== 'total') {
    return { because: [...pool.leftOut, 'the share of each cluster is rounded down by itself'].join('; ') };
  }
  const members = clusters.flatMap((cluster) => cluster.members);
  const unmeasured = members.filter((row) => !Number.isFinite(score[row])).length;
  const candidates = clusters.reduce((sum, cluster) => sum + cluster.candidates.length, 0);
  const low = members.length - unmeasured - candidates;
  if (unmeasured > 0) pool.leftOut.push(`${rowsWord(unmeasured)} no measured score`);
  if (low > 0) {
    pool.leftOut.push(
      minScore > 0 ? `${low} rows do not score above ${minScore}` : `${rowsWord(low)} no positive score`,
    );
  }
  return {};
}

const rowsWord = (count: number): string => (count === 1 ? '1 row has' : `${count} rows have`);

function noteVariant(pool: Pool, { variant, base }: VisnecOptions, budget: number): void {
  if (variant === 'paper' && base === 'total') return;
  pool.notes.push(
    `This rule gives each cluster max(1, floor(r n)) rows by itself: ${pool.kept.length} rows for a budget of ${budget}.`,
  );
}
