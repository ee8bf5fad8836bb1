import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object(workerParams);

/** Position-weighted mean of the last hidden states (RDS+, arXiv 2503.01807). */
export const rds: Signal<z.infer<typeof Params>> = {
  name: 'rds',
  order: 120,
  version: 3,
  title: 'RDS+ representation',
  measures:
    'Mean of the last hidden states of the whole conversation, token t of L weighted by t / (1 + ... + L), scaled to length 1.',
  source: 'RDS+ (arXiv 2503.01807); code hamishivi/automated-instruction-selection',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [{ name: 'rds', kind: 'f32', width: 0, measures: 'position-weighted mean state, unit vector' }],
  passes: () => [PASSES.image],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ dtype }) => ({ dtype }),
};
