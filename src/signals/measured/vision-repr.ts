import { z } from 'zod';
import { forwardPass, type Pass } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  share: z.coerce.number().gt(0).max(1).default(0.9).describe('of the attention that the chosen image tokens hold'),
});

const FIRST_LAYER: Pass = { ...forwardPass('first-layer', 'the first of 32 layers of the model'), share: 1 / 32 };

/** What the instruction looks at (ScalSelect, arXiv 2602.11636). */
export const visionRepr: Signal<z.infer<typeof Params>> = {
  name: 'scalselect',
  order: 150,
  version: 3,
  title: 'What the instruction looks at',
  measures:
    'Mean state behind the first layer of the image tokens that hold most of the attention of the instruction in that layer, averaged over heads and tokens of the instruction. Nothing without an image.',
  source: 'ScalSelect (arXiv 2602.11636); code ChangtiWu/ScalSelect at 74375d3',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample (of which the first layer is used)',
  columns: () => [
    {
      name: 'vision_repr',
      kind: 'f32',
      width: 0,
      measures: 'mean first-layer state of attended image tokens, no unit',
    },
  ],
  passes: () => [FIRST_LAYER],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ share, dtype }) => ({ share, dtype }),
};
