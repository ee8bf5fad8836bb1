import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  layers: z
    .array(z.coerce.number().int().nonnegative())
    .default([])
    .describe(
      'decoder layers, counted from 0; default: 3, 7, 11, 15, 19 of a model of 24, else those at the same depth',
    ),
});

/** Concept-skill features (COINCIDE, arXiv 2406.10995). */
export const coincideFeatures: Signal<z.infer<typeof Params>> = {
  name: 'coincide',
  order: 130,
  version: 3,
  title: 'COINCIDE features',
  measures:
    'Of each chosen layer what attention puts out, before the residual: the mean over image tokens and the mean over the text behind the image, each through tanh and scaled to length 1. All together of length 1. Nothing without an image.',
  source: 'COINCIDE (arXiv 2406.10995), section 3; code G-JWLee/COINCIDE_code at 629f776',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [
    { name: 'coincide', kind: 'f32', width: 0, measures: '[vision, language] of each layer, unit vector' },
  ],
  passes: () => [PASSES.proxyTraining, PASSES.proxyLast],
  proxy: 'model',
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ layers, dtype }) => ({ layers, dtype }),
};
