import { z } from 'zod';
import type { WideColumn } from '../../numeric/columns.ts';
import { wideColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface PrismOptions extends Record<string, unknown> {
  features: string;
  centre: 'row' | 'pool';
  textOnly: TextOnlyPolicy;
}

/** Scales a row to Pearson's z: its own mean off, length 1. False where it is constant or not finite. */
function toPearson(from: Float32Array, at: number, out: Float64Array, mean: Float64Array | undefined): boolean {
  let sum = 0;
  for (let t = 0; t < out.length; t++) {
    out[t] = from[at + t]! - (mean?.[t] ?? 0);
    sum += out[t]!;
  }
  const own = sum / out.length;
  let square = 0;
  for (let t = 0; t < out.length; t++) {
    out[t]! -= own;
    square += out[t]! ** 2;
  }
  const length = Math.sqrt(square);
  if (!Number.isFinite(length) || length === 0) return false;
  for (let t = 0; t < out.length; t++) out[t]! /= length;
  return true;
}

async function poolMean(features: WideColumn, isIn: (row: number) => boolean): Promise<Float64Array> {
  const mean = new Float64Array(features.width);
  let count = 0;
  for await (const { start, matrix } of features.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      const row = matrix.data.subarray(i * matrix.width, (i + 1) * matrix.width);
      if (!isIn(start + i) || !row.every(Number.isFinite)) continue;
      count++;
      for (let t = 0; t < mean.length; t++) mean[t]! += row[t]!;
    }
  }
  return mean.map((sum) => sum / Math.max(1, count));
}

/**
 * Mean Pearson correlation of each row with all others, in two passes and linear time: mean_j corr(i, j) = <z_i, mean
 * z>, less the row's correlation of 1 with itself. NaN where a row is constant or not finite.
 */
async function meanCorrelations(
  features: WideColumn,
  isIn: (row: number) => boolean,
  centre: PrismOptions['centre'],
): Promise<Float32Array> {
  const mean = centre === 'pool' ? await poolMean(features, isIn) : undefined;
  const z = new Float64Array(features.width);
  const sum = new Float64Array(features.width);
  let count = 0;
  for await (const { start, matrix } of features.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      if (!isIn(start + i) || !toPearson(matrix.data, i * matrix.width, z, mean)) continue;
      count++;
      for (let t = 0; t < z.length; t++) sum[t]! += z[t]!;
    }
  }
  // Single precision: of two rows each is as correlated with the other, whatever the last bits of their sums.
  const correlation = new Float32Array(features.rows).fill(Number.NaN);
  for await (const { start, matrix } of features.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      if (!isIn(start + i) || !toPearson(matrix.data, i * matrix.width, z, mean)) continue;
      let dot = 0;
      for (let t = 0; t < z.length; t++) dot += z[t]! * sum[t]!;
      correlation[start + i] = count > 1 ? (dot - 1) / (count - 1) : 0;
    }
  }
  return correlation;
}

/** PRISM: images that look least like the others to the model. */
export const prism: Selector<PrismOptions> = {
  name: 'prism',
  order: 240,
  version: 1,
  title: 'PRISM: least correlated images',
  source: 'PRISM, arXiv 2502.12119 (ACL 2026); its code was not at hand',
  summary: 'Keeps the rows whose visual features correlate least with those of all the others.',
  formula: [
    'score_i = mean_j corr(x_i, x_j) = ⟨z_i, mean z⟩, z the standardised visual feature',
    'keep the smallest',
  ].join('\n'),
  options: z.strictObject({
    features: z
      .string()
      .min(1)
      .default('visual')
      .describe("column of visual features, one vector a row; the paper's are means of the model's own image tokens"),
    centre: z
      .enum(['row', 'pool'])
      .default('row')
      .describe("row: Pearson's correlation as it is; pool: the mean vector of the pool is taken off first"),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ features }) => [features],
  streams: ({ features }) => [features],
  async select(input, options, context) {
    const isIn = (row: number): boolean =>
      input.excluded?.has(row) !== true && (options.textOnly === 'score' || input.textOnly?.[row] !== 1);
    return selectRanked(input, context, {
      method: 'prism',
      options,
      score: await meanCorrelations(wideColumn(input, options.features), isIn, options.centre),
      column: options.features,
      order: 'asc',
      output: 'rank',
    });
  },
};
