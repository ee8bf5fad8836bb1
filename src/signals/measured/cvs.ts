import { z } from 'zod';
import { forwardPass } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object(workerParams);

const WITH_QUESTION = forwardPass('verdict-question', 'verdict on the answer, with the question');
const WITHOUT_QUESTION = forwardPass('verdict-answer', 'verdict on the answer, without the question');

/** The model's verdict on the answer, with the question and without it (CVS, arXiv 2603.09715). */
export const cvsVerdicts: Signal<z.infer<typeof Params>> = {
  name: 'cvs',
  order: 190,
  version: 3,
  title: 'Verdicts on the answer',
  measures:
    'Probability that the model replies yes (its first token; yes, Yes or YES) when asked whether the answer is right: told the question, and not told it. Means over the turns. Nothing without an image.',
  source: 'CVS (arXiv 2603.09715), whose prompts are not published: docs/signals.md has those that are used',
  by: ['worker'],
  params: Params,
  cost: () => '1 image encoding and 2 forward passes a turn',
  columns: () => [
    { name: 'verdict_question', kind: 'f32', measures: 'P(yes | image, question, answer), 0 to 1' },
    { name: 'verdict_answer', kind: 'f32', measures: 'P(yes | image, answer), 0 to 1' },
  ],
  passes: (column) => [column === 'verdict_question' ? WITH_QUESTION : WITHOUT_QUESTION],
  shardRows: 512,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ dtype }) => ({ dtype }),
};
