import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { checkpointParams, weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({ ...workerParams, ...checkpointParams });

/** The response loss at each of T checkpoints (S2L, arXiv 2403.07384; learnability). */
export const lossTrajectory: Signal<z.infer<typeof Params>> = {
  name: 'loss-trajectory',
  order: 80,
  version: 3,
  title: 'Loss over training',
  measures: 'The mean response loss with the image at each checkpoint of a model, in the order of the checkpoints.',
  source: 'S2L (arXiv 2403.07384); LoBaSS (arXiv 2310.13008)',
  by: ['worker'],
  params: Params,
  cost: ({ checkpoints }) => `1 image encoding and 1 forward pass a sample ${atEach(checkpoints)}`,
  columns: () => [
    { name: 'nll_trajectory', kind: 'f32', width: 0, measures: 'mean response loss at each checkpoint, nats/token' },
  ],
  passes: () => [PASSES.proxyTraining, PASSES.proxyCheckpoints],
  proxy: 'checkpoints',
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ dtype }) => ({ dtype }),
};

/** How often it is measured, as far as the options say. */
export function atEach(checkpoints: readonly string[]): string {
  if (checkpoints.length === 0) return 'at the model itself';
  return checkpoints.length === 1 ? 'at each checkpoint' : `at each of ${checkpoints.length} checkpoints`;
}
