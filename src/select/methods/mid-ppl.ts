import { z } from 'zod';
import { vectorColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';

export interface MidPplOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  column: string;
  textOnly: TextOnlyPolicy;
}

/** Share of the rows above the window of the official variant. */
const SKIPPED_SHARE = 0.33;

/** The loss of each row; of a trajectory the mean over its checkpoints. Ranks by it are ranks by perplexity, e^loss. */
function meanLoss(input: SelectorInput, column: string): Float32Array {
  const { data, rows, width } = vectorColumn(input, column);
  if (width === 1) return data;
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let t = row * width; t < (row + 1) * width; t++) sum += data[t]!;
    return sum / width;
  });
}

/** Middle perplexity: neither what the model knows by heart nor what it can make nothing of. */
export const midPpl: Selector<MidPplOptions> = {
  name: 'mid-ppl',
  order: 160,
  version: 1,
  title: 'Middle perplexity',
  source: 'Marion et al. 2023, arXiv 2309.04564; official: code hamishivi/automated-instruction-selection',
  summary:
    'Ranks by the perplexity of the response and keeps the middle, leaving out the easiest and the hardest rows alike.',
  formula: ['PPL = exp(L), L the mean response loss', 'keep n rows from rank ⌊(N − n) / 2⌋ in ascending order'].join(
    '\n',
  ),
  deviations: [
    'P2: n rows from rank ⌊0.33 N⌋ in descending order are fewer than asked for above 67 %',
    'P5: the hardest 33 % are never kept',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe('paper: a centred window, from rank floor((N - n) / 2); official: n rows below the hardest 33 %'),
    column: z
      .string()
      .min(1)
      .default('nll_mm')
      .describe('mean loss of the response, nats/token; of a trajectory (several numbers a row) the mean counts'),
    textOnly: textOnlyOption.default('score'),
  }),
  needs: ({ column }) => [column],
  async select(input, options, context) {
    const isOfficial = options.variant === 'official';
    return selectRanked(input, context, {
      method: 'mid-ppl',
      options,
      score: meanLoss(input, options.column),
      column: options.column,
      order: isOfficial ? 'desc' : 'asc',
      output: 'row',
      start: (rows, budget) =>
        isOfficial ? Math.floor(SKIPPED_SHARE * rows) : Math.max(0, Math.floor((rows - budget) / 2)),
    });
  },
};
