import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  layers: z
    .array(z.coerce.number().int().nonnegative())
    .default([])
    .describe('decoder layers, counted from 0; default: 8, 12, 16, 20 of a model of 24, else those at the same depth'),
  neurons: z
    .array(z.coerce.number().int().positive())
    .default([])
    .describe(
      'neurons of the signature, a number for each layer; default: 1, 1, 2, 3 (of fewer layers the last of them)',
    ),
});

/** Attention bridging and neuron signature of the answer (MAGIC, arXiv 2605.26004). */
export const magicSignals: Signal<z.infer<typeof Params>> = {
  name: 'magic',
  order: 160,
  version: 3,
  title: 'Bridging and neuron signature',
  measures:
    'Bridging: mean over the answer of its attention to the image (heads and layers averaged) times (1 - entropy of that attention / log of the number of image tokens). Signature: ids of the neurons of each layer that are most active on average over the answer. Nothing without an image.',
  source: 'MAGIC (arXiv 2605.26004); of the details that it leaves open, docs/signals.md says what is taken',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [
    { name: 'bridging', kind: 'f32', measures: 'attention to the image times its sharpness, 0 to 1' },
    { name: 'signature', kind: 'text', measures: 'layer:neuron,neuron of each layer, with bars between' },
  ],
  passes: () => [PASSES.image],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ layers, neurons, dtype }) => ({ layers, neurons, dtype }),
};
