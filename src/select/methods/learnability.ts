import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import { scalarColumn, vectorColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';

export interface LearnabilityOptions extends Record<string, unknown> {
  form: 'delta' | 'relative';
  trajectory: string;
  initial?: string | undefined;
  final?: string | undefined;
  textOnly: TextOnlyPolicy;
}

/**
 * How much of its loss a sample gives up to training: L_base - L_ft (`delta`, LoBaSS), or that divided by L_base
 * (`relative`, DavIR). A relative reduction of nothing (L_base = 0) is 0.
 */
export function learnabilityScores(
  initial: ArrayLike<number>,
  final: ArrayLike<number>,
  form: LearnabilityOptions['form'],
): Float64Array {
  return Float64Array.from(initial, (base, row) => {
    const delta = base - final[row]!;
    if (form === 'delta') return delta;
    return base === 0 ? 0 : delta / base;
  });
}

/**
 * First and last loss of every row, from two columns or from the ends of a trajectory. @throws WinnowError
 * `COLUMN_KIND`
 */
function endsOf(input: SelectorInput, { initial, final, trajectory }: LearnabilityOptions): ArrayLike<number>[] {
  if (initial !== undefined && final !== undefined) return [scalarColumn(input, initial), scalarColumn(input, final)];
  const { data, rows, width } = vectorColumn(input, trajectory);
  if (width < 2) {
    throw new WinnowError({
      code: 'COLUMN_KIND',
      message: `\`${trajectory}\` has the loss at one checkpoint, and what training lowers takes two.`,
      hint: 'Run: winnow train --recipe proxy && winnow score loss-trajectory --checkpoints proxy; or name two columns with --initial and --final.',
      exitCode: 2,
    });
  }
  const at = (t: number) => Float32Array.from({ length: rows }, (_, row) => data[row * width + t] ?? Number.NaN);
  return [at(0), at(width - 1)];
}

/** Samples whose loss training lowers most. */
export const learnability: Selector<LearnabilityOptions> = {
  name: 'learnability',
  order: 170,
  version: 1,
  title: 'Highest learnability',
  source: 'LoBaSS, Zhou et al., arXiv 2310.13008 (2023); its later version DavIR (ACL 2025); no code was published',
  summary:
    'Keeps the samples whose loss falls most from the untrained to the trained model; the relative form does not favour samples that start high.',
  formula: [
    'delta: L_base − L_trained (LoBaSS); relative: (L_base − L_trained) / L_base (DavIR)',
    'keep the largest',
  ].join('\n'),
  options: z
    .strictObject({
      form: z
        .enum(['delta', 'relative'])
        .default('delta')
        .describe('delta: L_base - L_ft (LoBaSS); relative: divided by L_base (DavIR)'),
      trajectory: z
        .string()
        .min(1)
        .default('nll_trajectory')
        .describe('column of losses at checkpoints; its first and last are taken, nats/token'),
      initial: z.string().min(1).optional().describe('column of the loss before training, instead of a trajectory'),
      final: z.string().min(1).optional().describe('column of the loss after training, instead of a trajectory'),
      textOnly: textOnlyOption.default('proportional'),
    })
    .refine(({ initial, final }) => (initial === undefined) === (final === undefined), {
      path: ['initial'],
      message: 'initial and final are given together',
    }),
  needs: ({ initial, final, trajectory }) =>
    initial !== undefined && final !== undefined ? [initial, final] : [trajectory],
  async select(input, options, context) {
    const [initial, final] = endsOf(input, options);
    const score = learnabilityScores(initial!, final!, options.form);
    return selectRanked(input, context, {
      method: 'learnability',
      options,
      score,
      column: options.initial === undefined ? options.trajectory : `${options.initial} and ${options.final}`,
      order: 'desc',
      output: 'rank',
    });
  },
};
