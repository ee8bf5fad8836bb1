import { z } from 'zod';
import { forwardPass, PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  ...workerParams,
  blind: z
    .enum(['masked', 'drop', 'remove'])
    .default('masked')
    .describe('how the image is taken away: masked, drop, remove'),
  functionWords: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('weight of tokens of function words and punctuation; of others it is 1'),
});

const QUESTION = forwardPass('question', 'the model reads the question, given the image');
const QUESTION_ANSWER = forwardPass('question-answer', 'the model reads the question, given image and answer');

/** How much the image helps the answer, and the answer the question (DICS). */
export const dicsRatios: Signal<z.infer<typeof Params>> = {
  name: 'dics',
  order: 180,
  version: 3,
  title: 'Ratios of losses of answer and question',
  measures:
    'VIC = e^(L(y|x) - L(y|x,I)): how much likelier the image makes the answer. RIC = e^(L(x|I) - L(x|y,I)): how much likelier the answer makes the question. Means over the turns; tokens of function words weigh little. Nothing without an image.',
  source: 'DICS (2026); its prompts and tagger are not published: docs/signals.md says what is taken',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 4 forward passes a turn',
  columns: () => [
    { name: 'vic', kind: 'f32', measures: 'ratio of perplexities of the answer, without the image over with it' },
    { name: 'ric', kind: 'f32', measures: 'ratio of perplexities of the question, without the answer over with it' },
  ],
  passes: (column) => (column === 'vic' ? [PASSES.image, PASSES.blind] : [QUESTION, QUESTION_ANSWER]),
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ blind, functionWords, dtype }) => ({ blind, functionWords, dtype }),
};
