import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  pool: z
    .enum(['mean', 'text', 'answer', 'last'])
    .default('last')
    .describe(
      'of the last states: the last token alone (SemDeDup, DICS, DataTailor), or their mean over all tokens (D2), over text or over the answer',
    ),
});

/** Pooled last hidden states of the whole conversation (SemDeDup, DICS, DataTailor; D2 with `pool: mean`). */
export const hidden: Signal<z.infer<typeof Params>> = {
  name: 'hidden',
  order: 110,
  version: 3,
  title: 'Pooled hidden states',
  measures: 'One vector for question, image and answer: the last hidden states, behind the last norm, pooled.',
  source: 'COINCIDE (arXiv 2406.10995) for its SemDeDup and D2 baselines; DICS for the last token',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample',
  columns: () => [{ name: 'hidden', kind: 'f32', width: 0, measures: 'pooled last hidden states, no unit' }],
  passes: () => [PASSES.image],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ pool, dtype }) => ({ pool, dtype }),
};
