import { z } from 'zod';
import { farthestPoints } from '../../numeric/farthest.ts';
import { rankRows } from '../../numeric/topk.ts';
import { scalarColumn, wideColumn } from '../kit/columns.ts';
import { type Ratio, shareOfCount } from '../kit/exact-shares.ts';
import { wholeRows } from '../kit/finite-rows.ts';
import { keepPicked } from '../kit/groups.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface DicsOptions extends Record<string, unknown> {
  vic: string;
  ric: string;
  features: string;
  textOnly: TextOnlyPolicy;
}

/** DIC of a row without an image: neither ratio says anything. */
const TEXT_ONLY_SCORE = 1;

/** DIC = min(VIC, RIC), the weaker of the two links between image, question and answer. */
export function dicScores(vic: ArrayLike<number>, ric: ArrayLike<number>): Float64Array {
  return Float64Array.from(vic, (v, row) => {
    const r = ric[row]!;
    return Number.isFinite(v) && Number.isFinite(r) ? Math.min(v, r) : Number.NaN;
  });
}

/** DICS: rows whose image helps the answer and whose answer helps the question, far apart from each other. */
export const dics: Selector<DicsOptions> = {
  name: 'dics',
  order: 230,
  version: 1,
  title: 'DICS: two-way image consistency, spread out',
  source: 'DICS (2026); no code was published',
  summary:
    'Ranks by the weaker of two loss ratios, how much the image helps the answer and the answer the question, and spreads the choice by farthest points.',
  formula: [
    'VIC = exp(L(y|x) − L(y|x,I)), RIC = exp(L(x|I) − L(x|y,I)), DIC = min(VIC, RIC)',
    'budget p < ½: the best 2p by DIC, thinned by farthest points of the hidden states',
    'p = ½: the top half; p > ½: the best 2p − 1 and farthest points among the others',
  ].join('\n'),
  options: z.strictObject({
    vic: z.string().min(1).default('vic').describe('column of VIC = e^(L(y|x) - L(y|x,I))'),
    ric: z.string().min(1).default('ric').describe('column of RIC = e^(L(x|I) - L(x|y,I))'),
    features: z.string().min(1).default('hidden').describe('column of vectors that the choice is spread over'),
    textOnly: textOnlyOption
      .default('proportional')
      .describe('rows without an image: exclude; proportional: their share at random; score: their DIC is 1'),
  }),
  needs: ({ vic, ric, features }) => [vic, ric, features],
  streams: ({ features }) => [features],
  async select(input, options, context) {
    const score = dicScores(scalarColumn(input, options.vic), scalarColumn(input, options.ric));
    const features = wideColumn(input, options.features);
    const isWhole = await wholeRows(features);
    input.textOnly?.forEach((isText, row) => {
      if (isText === 1) score[row] = TEXT_ONLY_SCORE;
    });
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', 'have no finite VIC and RIC', (row) => !Number.isFinite(score[row]));
    dropRows(pool, 'nan', `have no finite \`${options.features}\``, (row) => isWhole[row] === 0);
    const ranked = rankRows(pool.rows, score);
    const count = Math.min(pool.budget, ranked.length);
    const { core, among } = cut(ranked.length, count, context.fraction ?? { part: count, whole: ranked.length });
    const others = ranked.subarray(core, core + among);
    const spread = farthestPoints(await features.gather(others), count - core, context).map((i) => others[i]!);
    const picked = [...ranked.subarray(0, core), ...spread];
    keepPicked(pool, picked, score);
    countAsOneGroup(pool, size, picked.length);
    return closePool(pool, { method: 'dics', options, order: 'rank' }, input, context);
  },
};

/**
 * How a budget of `count` rows, the share p of all, divides the ranking: the first `core` rows are kept, and what is
 * missing is spread over the `among` rows after them. p < 1/2: no core, the best 2p; p = 1/2: all core; p > 1/2: the
 * best 2p - 1, and all others.
 */
function cut(rows: number, count: number, share: Ratio): { core: number; among: number } {
  const p = typeof share === 'number' ? share : share.part / Math.max(1, share.whole);
  const doubled = shareOfCount(share, 2 * rows);
  if (p === 0.5) return { core: count, among: 0 };
  if (p < 0.5) return { core: 0, among: Math.min(rows, Math.max(count, doubled)) };
  const core = Math.min(count, doubled - rows);
  return { core, among: rows - core };
}
