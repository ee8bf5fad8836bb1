import { z } from 'zod';
import type { WideColumn } from '../../numeric/columns.ts';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import { referenceOf, vectorColumn, wideColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { SelectContext, Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';
import { referenceGroups } from './shared/reference-groups.ts';
import { groupMeans, targetProducts } from './shared/target-products.ts';

export interface LessOptions extends Record<string, unknown> {
  gradients: string[];
  weights: number[];
  subtasks?: string | undefined;
  textOnly: TextOnlyPolicy;
}

/** Gradients of one checkpoint: of the pool and of the target. */
export interface Checkpoint {
  train: WideColumn;
  target: Matrix;
  /** Mean learning rate around the checkpoint; the weights are scaled to sum to 1. */
  weight: number;
}

/**
 * Influence of each row on a target: max over subtasks of the mean over their rows of sum_c w_c <g^c, v^c>. The mean is
 * taken of the target's vectors first, since the product is linear.
 *
 * @param subtask index of each target row's subtask
 * @param isUnit scale gradients to length 1 first; stored ones usually are
 * @returns one score a row; NaN where a gradient is missing
 */
export async function influenceScores(
  checkpoints: readonly Checkpoint[],
  subtask: ArrayLike<number>,
  subtasks: number,
  isUnit: boolean,
  context: Pick<SelectContext, 'signal' | 'progress'> = {},
): Promise<Float64Array> {
  const rows = checkpoints[0]?.train.rows ?? 0;
  const total = checkpoints.reduce((sum, { weight }) => sum + weight, 0);
  const sums = new Float64Array(rows * subtasks);
  for (const { train, target, weight } of checkpoints) {
    const means = groupMeans(target, subtask, subtasks, isUnit);
    const products = await targetProducts(train, means, isUnit, context);
    for (let i = 0; i < sums.length; i++) sums[i]! += (weight / total) * products[i]!;
  }
  return Float64Array.from({ length: rows }, (_, row) => {
    let best = Number.NEGATIVE_INFINITY;
    for (let j = row * subtasks; j < (row + 1) * subtasks; j++) {
      if (Number.isNaN(sums[j])) return Number.NaN;
      best = Math.max(best, sums[j]!);
    }
    return best;
  });
}

/** Mean learning rates of the columns' checkpoints; [] where that of any is not known, or all are 0. */
function notedRates({ rates = {} }: SelectorInput, columns: readonly string[]): number[] {
  const found = columns.map((name) => rates[name] ?? Number.NaN);
  return found.reduce((sum, rate) => sum + rate, 0) > 0 ? found : [];
}

/** LESS: rows whose gradients point where those of a target task do. */
export const less: Selector<LessOptions> = {
  name: 'less',
  order: 250,
  version: 1,
  title: 'LESS: gradient similarity with a target',
  source: 'LESS, Xia et al. (ICML 2024), arXiv 2402.04333; code princeton-nlp/LESS at 8abf962',
  summary:
    'Keeps the rows whose training gradient is most similar to the gradient of a few examples of the target task, over several checkpoints.',
  formula: [
    'score_i = max over subtasks s of mean_{v in s} Σ_c w_c ⟨g_i^c, v^c⟩',
    'g: Adam step of the row at checkpoint c, v: gradient of a target row, both projected and of length 1',
    'keep the largest',
  ].join('\n'),
  options: z
    .strictObject({
      gradients: z
        .array(z.string().min(1))
        .min(1)
        .default(['gradient_1', 'gradient_2', 'gradient_3', 'gradient_4'])
        .describe('columns of projected gradients, one a checkpoint; the reference has the same'),
      weights: z
        .array(z.coerce.number().positive())
        .default([])
        .describe(
          'mean learning rate before each checkpoint; none: as our trainer noted it, all alike where that is not known',
        ),
      subtasks: z
        .string()
        .min(1)
        .optional()
        .describe('column of the reference with the subtask of each row; else its sources are the subtasks'),
      textOnly: textOnlyOption.default('proportional'),
    })
    .refine(({ gradients, weights }) => weights.length === 0 || weights.length === gradients.length, {
      path: ['weights'],
      message: 'one weight for each column of gradients',
    }),
  needs: ({ gradients }) => gradients,
  streams: ({ gradients }) => gradients,
  referenceNeeds: ({ gradients, subtasks }) => [...gradients, ...(subtasks === undefined ? [] : [subtasks])],
  async select(input, options, context) {
    const reference = referenceOf(input, 'less');
    const { groups, count } = referenceGroups(reference, options.subtasks);
    const weights = options.weights.length > 0 ? options.weights : notedRates(input, options.gradients);
    const checkpoints = options.gradients.map((name, c) => ({
      train: wideColumn(input, name),
      target: vectorColumn(reference, name),
      weight: weights[c] ?? 1,
    }));
    return selectRanked(input, context, {
      method: 'less',
      options: { ...options, weights },
      score: await influenceScores(checkpoints, groups, count, true, context),
      column: options.gradients.join('`, `'),
      order: 'desc',
      output: 'rank',
    });
  },
};
