import { z } from 'zod';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object(workerParams);

/** Spectrum of the token states (DataTailor, arXiv 2412.06293). */
export const tokenSpectrum: Signal<z.infer<typeof Params>> = {
  name: 'datatailor',
  order: 170,
  version: 3,
  title: 'Spectrum of token states',
  measures:
    'Singular values of the matrix of token states behind the last layer, before the last norm, scaled to sum 1: their entropy over the log of their number, and the largest. And the number of turns.',
  source: 'DataTailor (arXiv 2412.06293); code Yuqifan1117/DataTailor at a23a9d3',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 1 forward pass a sample, and the eigenvalues of a matrix of its tokens',
  columns: () => [
    { name: 'informativeness', kind: 'f32', measures: 'normalised entropy of the singular values, 0 to 1' },
    { name: 'tau', kind: 'f32', measures: 'largest of the normalised singular values, 0 to 1' },
    { name: 'turns', kind: 'f32', measures: 'number of questions' },
  ],
  passes: (column) => (column === 'turns' ? [] : [PASSES.image]),
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ dtype }) => ({ dtype }),
};
