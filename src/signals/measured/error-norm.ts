import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object(workerParams);

/** EL2N and AUM of the response tokens, means over them. */
export const errorNorm: Signal<z.infer<typeof Params>> = {
  name: 'error-norm',
  order: 100,
  version: 4,
  title: 'EL2N and AUM',
  measures:
    'How far the predicted probabilities are from the response: the L2 norm of p - onehot (0 to 1.41), and the margin p_y - max p_v (-1 to 1), means over response tokens.',
  source: 'EL2N: Paul et al. 2021; AUM: Pleiss et al. 2020; by token as in COINCIDE (arXiv 2406.10995)',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [
    { name: 'el2n', kind: 'f32', measures: 'L2 norm of probabilities minus one-hot, mean over response tokens' },
    {
      name: 'aum',
      kind: 'f32',
      measures: 'margin of the response token over the best other, mean over response tokens',
    },
  ],
  passes: () => [PASSES.proxyTraining, PASSES.proxyLast],
  proxy: 'model',
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ dtype }) => ({ dtype }),
};
