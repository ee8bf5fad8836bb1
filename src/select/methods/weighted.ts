import { z } from 'zod';
import { mean, standardDeviation } from '../../numeric/statistics/statistics.ts';
import { byScore } from '../../numeric/topk.ts';
import { scalarColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';

export interface WeightedOptions extends Record<string, unknown> {
  weights: Record<string, number>;
  normalise: 'rank' | 'z-score';
  textOnly: TextOnlyPolicy;
}

const weights = z
  .union([z.string(), z.record(z.string().min(1), z.number())], { error: 'write COLUMN=WEIGHT,COLUMN=WEIGHT' })
  .transform((given, context): Record<string, number> => {
    const pairs = typeof given === 'string' ? given.split(',').map(splitPair) : Object.entries(given);
    const bad = pairs.find(([column, weight]) => column === '' || !Number.isFinite(weight) || weight === 0);
    if (bad !== undefined || pairs.length === 0) {
      context.addIssue('write COLUMN=WEIGHT,COLUMN=WEIGHT with weights that are not 0');
    }
    return Object.fromEntries(pairs);
  });

function splitPair(text: string): [string, number] {
  const at = text.lastIndexOf('=');
  const weight = text.slice(at + 1).trim();
  return [text.slice(0, Math.max(0, at)).trim(), weight === '' ? Number.NaN : Number(weight)];
}

/** Best rows by a weighted sum of columns, each brought to one scale first. */
export const weighted: Selector<WeightedOptions> = {
  name: 'weighted',
  order: 120,
  version: 1,
  title: 'Weighted sum of columns',
  source: 'no source: a linear combination of normalised scores',
  summary:
    'Keeps the rows with the largest weighted sum of several columns or scores of methods, each brought to one scale.',
  formula: [
    'score_i = Σ_c w_c norm_c(x_ci), over rows where every x_ci is finite',
    'rank: (mean rank - 1) / (n - 1), 0 to 1, equal values sharing their mean rank; z-score: (x - mean) / standard deviation',
    'keep the largest; ties to the earlier row',
  ].join('\n'),
  options: z.strictObject({
    weights: weights.describe(
      'COLUMN=WEIGHT,...; negative where little is wanted; method:NAME is the score of a method, selection:NAME that of an earlier selection',
    ),
    normalise: z
      .enum(['rank', 'z-score'])
      .default('rank')
      .describe(
        'rank: place among the rows, 0 to 1, which no outlier can bend; z-score: distance from the mean in standard deviations',
      ),
    textOnly: textOnlyOption.default('proportional'),
  }) as z.ZodType<WeightedOptions>,
  comparisonVariants: [{ weights: 'necessity=1,clip_score=1' }],
  needs: (options) => Object.keys(options.weights),
  async select(input, options, context) {
    const terms = Object.entries(options.weights).map(([name, weight]) => ({
      weight,
      values: scalarColumn(input, name),
    }));
    const rows = competing(input, options.textOnly).filter((row) =>
      terms.every(({ values }) => Number.isFinite(values[row])),
    );
    const score = new Float64Array(input.rows).fill(Number.NaN);
    for (const row of rows) score[row] = 0;
    for (const { weight, values } of terms) {
      const scaled = options.normalise === 'rank' ? meanRanks(rows, values) : zScores(rows, values);
      rows.forEach((row, i) => {
        score[row]! += weight * scaled[i]!;
      });
    }
    const column = Object.keys(options.weights).join(', ');
    return selectRanked(input, context, { method: 'weighted', options, score, column, order: 'desc', output: 'rank' });
  },
};

/** Rows that take part, so that the scale is theirs: not those left out, nor those drawn by themselves. */
function competing({ rows, excluded, textOnly }: SelectorInput, policy: TextOnlyPolicy): number[] {
  return Array.from({ length: rows }, (_, row) => row).filter(
    (row) => !excluded?.has(row) && (policy === 'score' || textOnly?.[row] !== 1),
  );
}

/**
 * Places of values in their ascending order, 0 to 1; equal values share the mean of their places, a single row has 0.5.
 */
function meanRanks(rows: readonly number[], values: ArrayLike<number>): Float64Array {
  const own = Float64Array.from(rows, (row) => values[row]!);
  const order = Array.from(own.keys()).sort(byScore(own, 'asc'));
  const ranks = new Float64Array(own.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && own[order[end]!] === own[order[start]!]) end++;
    const place = (start + end - 1) / 2;
    for (let i = start; i < end; i++) ranks[order[i]!] = order.length === 1 ? 0.5 : place / (order.length - 1);
    start = end;
  }
  return ranks;
}

/** Distances from the mean in standard deviations (n - 1); 0 where all values are equal. */
function zScores(rows: readonly number[], values: ArrayLike<number>): Float64Array {
  const own = Float64Array.from(rows, (row) => values[row]!);
  const [centre, spread] = [mean(own), standardDeviation(own)];
  return own.map((value) => (spread > 0 ? (value - centre) / spread : 0));
}
