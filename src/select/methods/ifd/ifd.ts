import { z } from 'zod';
import { rankRows } from '../../../numeric/topk.ts';
import { scalarColumn } from '../../kit/columns.ts';
import { shareOfCount } from '../../kit/exact-shares.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../../kit/pool.ts';
import { keepWindow } from '../../kit/rank.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';

export interface IfdOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  ratio: 'mean' | 'perplexity';
  conditioned: string;
  direct: string;
  highest: number;
  textOnly: TextOnlyPolicy;
}

/** Instruction-following difficulty L_c / L_d, of mean losses, or e^(L_c - L_d), of perplexities. */
export function ifdScores(
  conditioned: ArrayLike<number>,
  direct: ArrayLike<number>,
  ratio: IfdOptions['ratio'],
): Float64Array {
  return Float64Array.from(conditioned, (loss, row) => {
    const alone = direct[row]!;
    if (!Number.isFinite(loss) || !Number.isFinite(alone)) return Number.NaN;
    return ratio === 'mean' ? loss / alone : Math.exp(loss - alone);
  });
}

/** Ties to the later row, as slicing the end of a sorted list of (score, row) does. */
const laterFirst =
  (score: ArrayLike<number>) =>
  (a: number, b: number): number =>
    score[b]! - score[a]! || b - a;

/** IFD (Cherry LLM): samples whose instruction helps least with the answer, short of those where it hurts. */
export const ifd: Selector<IfdOptions> = {
  name: 'ifd',
  order: 180,
  version: 1,
  title: 'IFD: instruction-following difficulty',
  source: 'Cherry LLM, Li et al. (NAACL 2024), arXiv 2308.12032; code tianyi-lab/Cherry_LLM at 01fac8d',
  summary:
    'Keeps samples whose answer stays hard although the instruction is given; drops those where the instruction makes it harder still.',
  formula: ['IFD = L(answer | instruction) / L(answer)', 'drop IFD > 1, keep the largest of the others'].join('\n'),
  deviations: ['P2: the share is one of the rows that survive, so that fewer rows than asked for are returned'],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: the budget is a share of the pool; official: a share of the rows that survive the limit, equal scores to the later row',
      ),
    ratio: z
      .enum(['mean', 'perplexity'])
      .default('mean')
      .describe('mean: L_c / L_d (the paper); perplexity: e^(L_c - L_d) (its second version and ports)'),
    conditioned: z
      .string()
      .min(1)
      .default('nll_mm')
      .describe('column of L_c, loss of the answer given the instruction, nats/token'),
    direct: z.string().min(1).default('nll_direct').describe('column of L_d, loss of the answer alone, nats/token'),
    highest: z.coerce.number().positive().default(1).describe('rows with a higher IFD are dropped as misaligned'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ conditioned, direct }) => [conditioned, direct],
  async select(input, options, context) {
    const score = ifdScores(
      scalarColumn(input, options.conditioned),
      scalarColumn(input, options.direct),
      options.ratio,
    );
    const isOfficial = options.variant === 'official';
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', 'have no finite IFD', (row) => !Number.isFinite(score[row]));
    dropRows(pool, 'out-of-range', `have an IFD above ${options.highest}`, (row) => {
      if (score[row]! > options.highest) pool.reasons[row]!.score = score[row]!;
      return score[row]! > options.highest;
    });
    if (isOfficial) {
      const { budget, fraction } = context;
      const share = shareOfCount(fraction ?? { part: budget, whole: input.rows }, pool.rows.length);
      pool.budget = Math.min(pool.budget, share);
      pool.notes.push(`The share is one of the ${pool.rows.length} rows that survive: ${pool.budget} rows.`);
      pool.leftOut.push('the share is one of the rows that survive');
    }
    const ranked = isOfficial ? Int32Array.from(pool.rows.sort(laterFirst(score))) : rankRows(pool.rows, score);
    countAsOneGroup(pool, size, keepWindow(pool, ranked, score));
    return closePool(pool, { method: 'ifd', options, order: isOfficial ? 'row' : 'rank' }, input, context);
  },
};
