import { z } from 'zod';
import { scalarColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface CvsOptions extends Record<string, unknown> {
  withQuestion: string;
  withoutQuestion: string;
  form: 'difference' | 'absolute' | 'log-odds';
  textOnly: TextOnlyPolicy;
}

/** Log-odds of 0 and 1 are infinite; a probability in single precision is no surer than this. */
const SUREST = 1e-6;

const logOdds = (p: number): number => {
  const inside = Math.min(1 - SUREST, Math.max(SUREST, p));
  return Math.log(inside / (1 - inside));
};

/** Verdict shift between P(yes | image, question, answer) and P(yes | image, answer). */
function verdictShift(withQuestion: number, withoutQuestion: number, form: CvsOptions['form']): number {
  const isProbability = (p: number): boolean => p >= 0 && p <= 1;
  if (!isProbability(withQuestion) || !isProbability(withoutQuestion)) return Number.NaN;
  if (form === 'log-odds') return logOdds(withQuestion) - logOdds(withoutQuestion);
  const shift = withQuestion - withoutQuestion;
  return form === 'absolute' ? Math.abs(shift) : shift;
}

/** Samples whose answer a frozen model calls right only when it sees the question. */
export const cvs: Selector<CvsOptions> = {
  name: 'cvs',
  order: 190,
  version: 1,
  title: 'CVS: verdict shift',
  source: 'CVS, arXiv 2603.09715 (2026); no code was published',
  summary:
    'Keeps samples where the question changes what a frozen model thinks of the answer; an answer that looks right (or wrong) without a question teaches little.',
  formula: ['shift = P(yes | image, question, answer) − P(yes | image, answer)', 'keep the largest'].join('\n'),
  options: z.strictObject({
    form: z
      .enum(['difference', 'absolute', 'log-odds'])
      .default('difference')
      .describe('the shift. difference: P1 - P0; absolute: |P1 - P0|; log-odds: logit P1 - logit P0'),
    withQuestion: z
      .string()
      .min(1)
      .default('verdict_question')
      .describe('column of P1 = P("yes" | image, question, answer), 0 to 1'),
    withoutQuestion: z
      .string()
      .min(1)
      .default('verdict_answer')
      .describe('column of P0 = P("yes" | image, answer), 0 to 1'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ withQuestion, withoutQuestion }) => [withQuestion, withoutQuestion],
  async select(input, options, context) {
    const p1 = scalarColumn(input, options.withQuestion);
    const p0 = scalarColumn(input, options.withoutQuestion);
    const score = Float64Array.from(p1, (p, row) => verdictShift(p, p0[row]!, options.form));
    return selectRanked(input, context, {
      method: 'cvs',
      options,
      score,
      column: `${options.withQuestion} and ${options.withoutQuestion}`,
      order: 'desc',
      output: 'rank',
    });
  },
};
