import { z } from 'zod';
import { createRandom, type Random } from '../../../numeric/philox.ts';
import { waterFill } from '../../kit/allocate.ts';
import { type Cluster, intoClusters } from '../../kit/clusters.ts';
import { scalarColumn, wideColumn } from '../../kit/columns.ts';
import { closePool, drawInto, dropRows, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { ceilShares, scoreEntropy, strataShares, stratify } from './ccs.ts';

export interface AdaptInfOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  scores: string[];
  embedding: string;
  labels?: string | undefined;
  k: number;
  bins: number;
  textOnly: TextOnlyPolicy;
}

/** Rows a step of the published clustering. */
const MINI_BATCH = 10_240;

/** Adapt-inf: from each pseudo-task an even cover of the score that tells its rows apart best. */
export const adaptInf: Selector<AdaptInfOptions> = {
  name: 'adapt-inf',
  order: 350,
  version: 2,
  title: 'Adapt-inf: even cover of the most telling score',
  source: 'Adapt-inf, Maharana et al. (ICLR 2025), arXiv 2410.10636; code adymaharana/adapt-inf at d1b1b25',
  summary:
    'Clusters gradients into pseudo-tasks, picks for each the score with the highest entropy, and draws equally from strata of that score, without its extremes.',
  formula: [
    'pseudo-tasks: k-means (k = 10) of the gradients, equal shares',
    'in each the score whose histogram has the highest entropy',
    'without its lowest and highest 5 %: equal shares of 50 strata of equal width, rows at random (CCS)',
  ].join('\n'),
  deviations: [
    'P2: shares are rounded up, so that the sum may exceed the budget',
    'P5: the lowest and highest 5 % are never kept',
    'The histogram spans the wrong range: scores of small spread look more even than they are',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: exactly the budget, the extremes only when nothing else is left; official: the published code, shares rounded up (may exceed the budget), the histogram with the deviation of the raw scores',
      ),
    scores: z
      .array(z.string().min(1))
      .min(1)
      .default(['nll_mm', 'el2n', 'gradient_norm'])
      .describe('columns of scores to choose among; a single one is plain coverage-centric sampling (CCS)'),
    embedding: z.string().min(1).default('gradient_last').describe('column of gradients that is clustered'),
    labels: z.string().min(1).optional().describe('a column of cluster labels, instead of clustering the gradients'),
    k: z.coerce.number().int().min(1).default(10).describe('number of pseudo-tasks'),
    bins: z.coerce.number().int().min(1).default(50).describe('strata of a score'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ scores, embedding, labels }) => [...scores, labels ?? embedding],
  streams: ({ embedding, labels }) => (labels === undefined ? [embedding] : []),
  async select(input, options, context) {
    const columns = options.scores.map((name) => scalarColumn(input, name));
    const pool = openPool(input, options.textOnly, context);
    dropRows(pool, 'nan', `have no finite \`${options.scores.join('`, `')}\``, (row) =>
      columns.some((score) => !Number.isFinite(score[row])),
    );
    const { labels, embedding, k } = options;
    const isOfficial = options.variant === 'official';
    const miniBatch = isOfficial ? MINI_BATCH : undefined;
    const source = { labels, vectors: () => wideColumn(input, embedding), k, miniBatch };
    const { ids, clusters } = await intoClusters(input, pool, source, context);
    const used = clusters.filter(({ members }) => members.length > 0);
    const sizes = used.map(({ members }) => members.length);
    const quota = isOfficial ? ceilShares(sizes, pool.budget) : waterFill(sizes, pool.budget);
    const random = createRandom(context.seed, 'select/adapt-inf');
    const chosen = used.map((cluster, c) => {
      const entropies = columns.map((score) =>
        scoreEntropy(
          cluster.members.map((row) => score[row]!),
          isOfficial,
        ),
      );
      const best = entropies.reduce((top, bits, s) => (bits > entropies[top]! ? s : top), 0);
      drawCluster(pool, cluster, columns[best]!, quota[c]!, options, random);
      return options.scores[best]!;
    });
    note(pool, chosen, options, context.budget);
    const because = isOfficial
      ? { because: [...pool.leftOut, 'the extremes of each cluster are left out'].join('; ') }
      : {};
    return closePool(pool, { method: 'adapt-inf', options, order: 'row', clusters: ids, ...because }, input, context);
  },
};

/** Draws a cluster's share from the strata of its score; by default the tails fill what these don't have. */
function drawCluster(
  pool: Pool,
  { id, label, members }: Cluster,
  score: ArrayLike<number>,
  quota: number,
  { bins, variant }: AdaptInfOptions,
  random: Random,
): void {
  const isOfficial = variant === 'official';
  const { strata, tails } = stratify(members, score, bins, isOfficial);
  const shares = strataShares(
    strata.map(({ length }) => length),
    quota,
    isOfficial,
  );
  const before = pool.kept.length;
  const draw = (rows: readonly number[], count: number, dropped: 'not-drawn' | 'out-of-range'): void =>
    drawInto(pool, rows, count, random.sample(rows.length, count), { kept: 'random', dropped });
  strata.forEach((rows, i) => {
    draw(rows, shares[i]!, 'not-drawn');
  });
  const fromTails = isOfficial ? 0 : Math.min(tails.length, quota - (pool.kept.length - before));
  draw(tails, fromTails, 'out-of-range');
  for (const row of members) Object.assign(pool.reasons[row]!, { cluster: id, score: score[row]! });
  const kept = pool.kept.length - before;
  const counts = { cluster: id, size: members.length, candidates: members.length, quota, kept };
  pool.counts.push(label === undefined ? counts : { ...counts, label });
}

function note(pool: Pool, chosen: readonly string[], { scores, variant }: AdaptInfOptions, budget: number): void {
  if (scores.length > 1) {
    const counts = scores.map((name) => `${name} in ${chosen.filter((own) => own === name).length}`);
    pool.notes.push(`Score with the highest entropy: ${counts.join(', ')} of ${chosen.length} clusters.`);
  }
  const more = pool.kept.length - budget;
  if (variant === 'official' && more > 0) {
    pool.notes.push(`${more} rows more than asked for: shares of clusters and strata are rounded up.`);
  }
}
