import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { atEach } from './loss-trajectory.ts';
import { checkpointParams, weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  ...checkpointParams,
  variant: z
    .enum(['paper', 'official'])
    .default('paper')
    .describe(
      'paper: text rows on image columns, exact; official: the published code, with its swapped roles, fixed offsets and sketched values',
    ),
  rows: z.enum(['all', 'instruction', 'answer']).default('all').describe('which text behind the image counts (paper)'),
});
type AttentionParams = z.infer<typeof Params>;

/** The five largest singular values of the attention of text on image, summed over layers (XMAS, arXiv 2510.01454). */
export const attention: Signal<AttentionParams> = {
  name: 'attention',
  order: 90,
  version: 3,
  title: 'Cross-modal attention',
  measures:
    'The five largest singular values of softmax(Q K^T / sqrt(width)), text rows and image columns, summed over layers. NaN without an image.',
  source: 'XMAS (arXiv 2510.01454), equation 4; code BigML-CS-UCLA/XMAS at c3e95c8',
  by: ['worker'],
  params: Params,
  cost: ({ checkpoints }) => `1 image encoding and 1 forward pass a sample ${atEach(checkpoints)}`,
  columns: () => [
    {
      name: 'attention_sv',
      kind: 'f32',
      width: 0,
      measures: 'five largest singular values at each checkpoint, no unit',
    },
  ],
  passes: () => [PASSES.proxyTraining, PASSES.proxyCheckpoints],
  proxy: 'checkpoints',
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ variant, rows, dtype }) => ({ variant, rows, dtype }),
};
