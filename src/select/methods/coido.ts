import { z } from 'zod';
import { byScore } from '../../numeric/topk.ts';
import { largestRemainder } from '../kit/allocate.ts';
import { largestGroupEvens } from '../kit/allocate-published.ts';
import { groupBy, scalarColumn } from '../kit/columns.ts';
import { groupsOf, keepFromGroup } from '../kit/groups.ts';
import { closePool, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface CoidoOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  score: string;
  textOnly: TextOnlyPolicy;
}

/** CoIDO: the best rows of every source by a scorer that was trained for importance and diversity at once. */
export const coido: Selector<CoidoOptions> = {
  name: 'coido',
  order: 210,
  version: 1,
  title: 'CoIDO: importance and diversity, by source',
  source: 'CoIDO (NeurIPS 2025), arXiv 2510.17847; re-implemented from its description',
  summary:
    'Gives every source its share of the budget and keeps the rows of it that a small scorer, trained on a fifth of the data, values most.',
  formula: [
    'score = −MLP(CLIP features, ratings), trained with the model on 20 % of the data',
    'quota of a source in proportion to its size; keep the highest scores in each',
  ].join('\n'),
  deviations: [
    'P2: max(1, ⌊n |D| / N⌋) with the difference to the largest source, and rows without a score leave places empty',
    'P5: a budget of 0 keeps rows of small sources',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: shares by largest remainder, what a source lacks goes to the others; official: max(1, floor(n |D| / N)), the largest source evens out, nothing is passed on',
      ),
    score: z.string().min(1).default('coido').describe('column of the score, high is wanted'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ score }) => [score],
  async select(input, options, context) {
    const score = scalarColumn(input, options.score);
    const pool = openPool(input, options.textOnly, context);
    const { groups, labels } = groupBy(pool.rows.map((row) => input.source?.[row] ?? null));
    const of = new Int32Array(input.rows).fill(-1);
    pool.rows.forEach((row, i) => {
      of[row] = groups[i]!;
    });
    const sources = groupsOf(pool.rows, of, labels, 'no source');
    // Sources as they first occur: the official rule lists them so, and gives the difference to the first of the
    // largest.
    if (options.variant === 'official') sources.sort((a, b) => a.members[0]! - b.members[0]!);
    const ranked = sources.map(({ members }) =>
      members.filter((row) => Number.isFinite(score[row])).sort(byScore(score)),
    );
    for (const { members } of sources) {
      for (const row of members) if (!Number.isFinite(score[row])) pool.reasons[row]!.code = 'nan';
    }
    const sizes = sources.map(({ members }) => members.length);
    const candidates = ranked.map((rows) => rows.length);
    const budget = Math.min(pool.budget, pool.rows.length);
    let quota: Int32Array;
    let taken: Int32Array;
    if (options.variant === 'paper') {
      ({ quota, taken } = largestRemainder(sizes, budget, candidates));
    } else {
      quota = largestGroupEvens(sizes, budget);
      taken = quota.map((n, g) => Math.min(n, candidates[g]!));
    }
    sources.forEach((group, g) => {
      keepFromGroup(pool, { ...group, candidates: ranked[g]! }, quota[g]!, taken[g]!, score);
    });
    const unscored = pool.rows.length - candidates.reduce((sum, n) => sum + n, 0);
    if (unscored > 0) {
      pool.leftOut.push(`${unscored} rows have no finite \`${options.score}\``);
      pool.notes.push(`${unscored} rows have no finite \`${options.score}\`; they count in the size of their source.`);
    }
    return closePool(
      pool,
      { method: 'coido', options, order: options.variant === 'official' ? 'rank' : 'row', clusters: of },
      input,
      context,
    );
  },
};
