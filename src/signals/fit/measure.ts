import { z } from 'zod';
import { mean, standardDeviation } from '../../numeric/statistics/statistics.ts';

/** Mean necessity of rows that have an image, with its uncertainty. */
const MeanNecessity = z.object({
  mean: z.number(),
  lo: z.number().nullable().describe('lower end of the 95 % interval of the mean; null: fewer than two rows'),
  hi: z.number().nullable(),
  rows: z.int(),
  helped: z.int().describe('rows with S > 0.05'),
  hurt: z.int().describe('rows with S < -0.05'),
});

/**
 * Numbers that tell whether a model fits a data set; what they say is `judgeFit`'s. Recorded with the signal `loss`.
 */
export const FitNumbers = z.object({
  rows: z.int().describe('rows that the losses are over'),
  tokens: z.int().describe('answer tokens of these rows'),
  loss: z.number().nullable().describe('mean loss with the image over all answer tokens, nats/token'),
  unigram: z
    .number()
    .nullable()
    .describe(
      'cross-entropy of the answer tokens under their own frequencies, nats/token; null: they were not recorded',
    ),
  vocabulary: z.int().nullable().describe('tokens that the model chooses from; null: not known'),
  necessity: z.record(z.string(), MeanNecessity).describe('by the column of the necessity'),
  tunedOn: z.int().describe('rows of the data set that the model was tuned on'),
  heldApart: z.boolean().describe('these rows are left out of all numbers here'),
});
export type FitNumbers = z.infer<typeof FitNumbers>;
export type MeanNecessity = z.infer<typeof MeanNecessity>;

/**
 * `fits`: the model predicts the answers better than their frequencies do, and the image helps it: mean S is above 0
 * with its whole interval, or, since few wrong answers weigh much in a mean, it is above 0 and clearly more rows are
 * helped than hurt (sign test). `misfit`: one of the two is not so, and its necessity says nothing of the samples.
 * `unclear`: nothing can be said of the help. `unknown`: not measured.
 */
const FitVerdict = z.enum(['fits', 'misfit', 'unclear', 'unknown']);
export type FitVerdict = z.infer<typeof FitVerdict>;

/** Whether the model that measured the losses knows such data: what is said before any of its numbers. */
export const Fit = z.object({
  verdict: FitVerdict,
  model: z.string(),
  dataset: z.string(),
  n: z.int().describe('rows that it was measured on'),
  loss: FitNumbers.shape.loss,
  uniform: z.number().nullable().describe('ln V: the loss of a guess among the V tokens of the model'),
  unigram: FitNumbers.shape.unigram,
  necessity: MeanNecessity.nullable().describe('S of the rows with an image; null: no row has one'),
  tunedOn: FitNumbers.shape.tunedOn,
  heldApart: FitNumbers.shape.heldApart,
  reason: z.string().describe('why, in sentences'),
  wayOut: z.string().nullable().describe('what to do about it; null: nothing is to be done'),
});
export type Fit = z.infer<typeof Fit>;

/** Columns of the signal `loss`, one entry a row of the data set. */
export interface FitColumns {
  /** Mean loss with the image, nats/token; NaN: not measured. */
  loss: Float32Array;
  /** Answer tokens that the mean is over. */
  tokens: Int32Array;
  /** Ids of these tokens, row after row; absent where they were not recorded. */
  ids?: { offsets: Uint32Array; data: Float32Array } | undefined;
  /** S by column, nats/token. */
  necessity: Readonly<Record<string, Float32Array>>;
  /** 1: the row has no image. */
  textOnly: ArrayLike<number>;
  vocabulary?: number | undefined;
  /** Rows that the model was tuned on. */
  tuned?: ReadonlySet<number> | undefined;
}

/** Rows that the model has not been tuned on and that are enough to measure the fit by themselves. */
const ENOUGH = 30;

/**
 * Measures how well a model knows a data set: its loss beside what the answers' own token frequencies give, and the
 * mean of S.
 *
 * With n_v the times that token v stands in the measured answers and n their sum:
 * loss = sum over rows of (tokens x mean loss) / n; unigram = -sum over v of (n_v / n) ln(n_v / n). Both are means over
 * the same tokens. The mean of S is over rows that have an image, each counted once.
 */
export function measureFit(columns: FitColumns): FitNumbers {
  const { loss, tokens, ids, necessity, textOnly, tuned } = columns;
  const measured = [...loss.keys()].filter((row) => Number.isFinite(loss[row]) && tokens[row]! > 0);
  const apart = measured.filter((row) => tuned?.has(row) !== true);
  const isApart = tuned !== undefined && tuned.size > 0 && apart.length >= ENOUGH;
  const rows = isApart ? apart : measured;
  const total = rows.reduce((sum, row) => sum + tokens[row]!, 0);
  return {
    rows: rows.length,
    tokens: total,
    loss: total === 0 ? null : rows.reduce((sum, row) => sum + tokens[row]! * loss[row]!, 0) / total,
    unigram: ids === undefined ? null : unigramEntropy(rows, ids, total),
    vocabulary: columns.vocabulary ?? null,
    necessity: Object.fromEntries(
      Object.entries(necessity).flatMap(([name, s]) => {
        const seen = rows.filter((row) => textOnly[row] !== 1 && Number.isFinite(s[row])).map((row) => s[row]!);
        return seen.length === 0 ? [] : [[name, meanWithInterval(seen)] as const];
      }),
    ),
    tunedOn: tuned?.size ?? 0,
    heldApart: isApart,
  };
}

/** Entropy of the tokens of some rows; null where not all of these rows have theirs. */
function unigramEntropy(
  rows: readonly number[],
  { offsets, data }: NonNullable<FitColumns['ids']>,
  total: number,
): number | null {
  const counts = new Map<number, number>();
  let n = 0;
  for (const row of rows) {
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++, n++) counts.set(data[t]!, (counts.get(data[t]!) ?? 0) + 1);
  }
  if (n !== total || n === 0) return null;
  // In the order of the ids, so that the last digits don't depend on the order of the rows.
  const ordered = [...counts].sort(([a], [b]) => a - b);
  return ordered.reduce((sum, [, count]) => sum - (count / n) * Math.log(count / n), 0);
}

/** Change of the loss, nats/token, beyond which the image counts as helping or hurting (the paper's threshold on S). */
const CHANGES = 0.05;

/** Mean and its 95 % interval by Student's t, and the rows that the image helps and hurts. */
export function meanWithInterval(values: readonly number[]): MeanNecessity {
  const n = values.length;
  const centre = mean(values);
  const helped = values.filter((s) => s > CHANGES).length;
  const hurt = values.filter((s) => s < -CHANGES).length;
  if (n < 2) return { mean: centre, lo: null, hi: null, rows: n, helped, hurt };
  const half = (t975(n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return { mean: centre, lo: centre - half, hi: centre + half, rows: n, helped, hurt };
}

/**
 * The 97.5 % quantile of Student's t: exact for 1 and 2 degrees of freedom, else Cornish-Fisher (Abramowitz and Stegun
 * 26.7.5), within 0.5 %.
 */
export function t975(degrees: number): number {
  if (degrees === 1) return 12.706204736;
  if (degrees === 2) return 4.30265273;
  const z = 1.959963985;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** (i + 1), z);
}
