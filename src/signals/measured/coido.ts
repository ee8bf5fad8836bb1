import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import { scorerParams, scorerReads, scorerRevision, trainScorer } from '../engine/scorer.ts';
import type { Signal } from '../signal.ts';

const Params = z.object({
  ...scorerParams,
  epochs: z.coerce
    .number()
    .int()
    .positive()
    .default(1)
    .describe('times that the scorer sees the rows it is trained on'),
  share: z.coerce.number().gt(0).max(1).default(0.2).describe('of the rows that it is trained on, drawn at random'),
  hidden: z.coerce.number().int().positive().default(256).describe('width of the scorer’s hidden layer'),
  clusters: z.coerce
    .number()
    .int()
    .positive()
    .default(20)
    .describe('k of the clusters whose mean weights are kept alike'),
});
export type CoidoParams = z.infer<typeof Params>;

/** Score by CoIDO's scorer: importance and diversity, balanced by learned uncertainties. */
export const coidoScore: Signal<CoidoParams> = {
  name: 'coido',
  order: 230,
  version: 1,
  title: 'Score by CoIDO’s scorer',
  measures:
    'Minus the output of a small network whose softmax over a batch weighs the losses, trained on a share of the rows, with a penalty on clusters of unequal weight. NaN without features.',
  source: 'CoIDO (NeurIPS 2025), arXiv 2510.17847; re-implemented from its description; losses are measured',
  by: ['worker'],
  params: Params,
  cost: ({ epochs, share }) =>
    `no pass of a model: ${epochs} readings of the features and losses of ${Math.round(100 * share)} % of the rows`,
  columns: () => [{ name: 'coido', kind: 'f32', measures: 'minus the score; high is wanted, no unit' }],
  passes: () => [PASSES.clip, PASSES.image],
  shardRows: 4096,
  readsMedia: true,
  revision: scorerRevision,
  key: (params) => ({ ...params }),
  reads: scorerReads,
  computeMissing: (params, context, missing) => trainScorer(coidoScore, params, context, missing),
};
