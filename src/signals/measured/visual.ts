import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  layer: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('0: tokens as the connector hands them to the language model; n: behind its n-th layer'),
});

/** Mean visual token of a vision-language model (PRISM, arXiv 2502.12119). */
export const visual: Signal<z.infer<typeof Params>> = {
  name: 'visual',
  order: 140,
  version: 3,
  title: 'Visual tokens',
  measures: 'The mean of the tokens that the language model sees of the images. Nothing without an image.',
  source: 'PRISM (arXiv 2502.12119); which layer is open there',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [{ name: 'visual', kind: 'f32', width: 0, measures: 'mean visual token, no unit' }],
  passes: () => [PASSES.image],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ layer, dtype }) => ({ layer, dtype }),
};
