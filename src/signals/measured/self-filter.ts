import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import { scorerParams, scorerReads, scorerRevision, trainScorer } from '../engine/scorer.ts';
import type { Signal } from '../signal.ts';

const Params = z.object({
  ...scorerParams,
  epochs: z.coerce.number().int().positive().default(3).describe('times that the scorer sees every row'),
});
export type SelfFilterParams = z.infer<typeof Params>;

/** Difficulty by Self-Filter's scorer: linear in the features, trained to weigh the losses of a batch. */
export const selfFilterScore: Signal<SelfFilterParams> = {
  name: 'self-filter',
  order: 220,
  version: 1,
  title: 'Difficulty by Self-Filter’s scorer',
  measures:
    'Minus the output of a linear scorer whose softmax over a batch weighs the losses: it gives little weight to what the model finds hard. NaN without features.',
  source: 'Self-Filter, Chen et al. (ACL Findings 2024), arXiv 2402.12501, stage 1; losses are measured, not trained',
  by: ['worker'],
  params: Params,
  cost: ({ epochs }) => `no pass of a model: ${epochs} readings of the features and losses that are there`,
  columns: () => [{ name: 'selffilter', kind: 'f32', measures: 'difficulty, minus the score; high is hard, no unit' }],
  passes: () => [PASSES.clip, PASSES.image],
  shardRows: 4096,
  readsMedia: true,
  revision: scorerRevision,
  key: (params) => ({ ...params }),
  reads: scorerReads,
  computeMissing: (params, context, missing) => trainScorer(selfFilterScore, params, context, missing),
};
