import { z } from 'zod';
import type { Pass } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { gradientParams } from './gradients.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({ ...workerParams, ...gradientParams });
export type LastGradientParams = z.infer<typeof Params>;

const WARM_UP: Pass = {
  name: 'tive-warm-up',
  what: 'an epoch of LoRA on 8 % of the data',
  model: 'target',
  forward: 1,
  backward: 1,
  share: 0.08,
};
const GRADIENT: Pass = {
  name: 'gradient-last',
  what: 'gradient after the warm-up',
  model: 'target',
  forward: 1,
  backward: 1,
};

/** Gradient of the last layer, and the length of the whole gradient (TIVE). */
export const lastGradient: Signal<LastGradientParams> = {
  name: 'last-gradient',
  order: 210,
  version: 3,
  title: 'Last-layer gradient and gradient norm',
  measures:
    'The gradient of each sample’s response loss in the last decoder layer, projected at random, and the length of its gradient over all target layers.',
  source: 'TIVE (arXiv 2403.09559); code RUCAIBox/TIVE at d2bad95',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding, 1 forward and 1 backward pass a sample',
  columns: ({ dims }) => [
    {
      name: 'gradient_last',
      kind: 'f16',
      width: dims,
      measures: `gradient of the mean response loss in the last layer, projected at random to ${dims} numbers`,
    },
    { name: 'gradient_norm', kind: 'f32', measures: 'L2 norm of the gradient over all target layers' },
  ],
  passes: () => [WARM_UP, GRADIENT],
  shardRows: 256,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ parameters, rank, targets, dims, projection, seed, dtype }) => ({
    parameters,
    rank,
    targets,
    dims,
    projection,
    seed,
    dtype,
  }),
};
