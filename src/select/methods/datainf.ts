import { z } from 'zod';
import type { WideColumn } from '../../numeric/columns.ts';
import { type Matrix, rowLength } from '../../numeric/linalg/matrix.ts';
import { solvePositive } from '../../numeric/linalg/solve.ts';
import { referenceOf, vectorColumn, wideColumn } from '../kit/columns.ts';
import { selectRanked } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface DatainfOptions extends Record<string, unknown> {
  layers: string[];
  hessian: 'datainf' | 'identity' | 'exact';
  damping: number;
  textOnly: TextOnlyPolicy;
}

/** Exact inverses hold a square matrix of the width in memory. */
const LARGEST_EXACT_WIDTH = 4096;

/** Calls `visit` with each row that is finite: its vector and its number. */
async function eachRow(layer: WideColumn, visit: (g: Float32Array, row: number) => void): Promise<void> {
  for await (const { start, matrix } of layer.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      if (Number.isNaN(rowLength(matrix, i))) continue;
      visit(matrix.data.subarray(i * matrix.width, (i + 1) * matrix.width), start + i);
    }
  }
}

const dotOf = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let t = 0; t < a.length; t++) sum += a[t]! * b[t]!;
  return sum;
};

/** v, the mean gradient of the target: of its rows that are finite. */
function meanRow(target: Matrix): Float64Array {
  const sum = new Float64Array(target.width);
  let rows = 0;
  for (let row = 0; row < target.rows; row++) {
    if (Number.isNaN(rowLength(target, row))) continue;
    rows++;
    for (let t = 0; t < sum.length; t++) sum[t]! += target.data[row * target.width + t]!;
  }
  return sum.map((value) => value / Math.max(1, rows));
}

/** H^-1 v of one layer, H = mean g g^T + lambda I. */
async function inverseTimes(
  layer: WideColumn,
  v: Float64Array,
  { hessian, damping }: Pick<DatainfOptions, 'hessian' | 'damping'>,
): Promise<Float64Array> {
  if (hessian === 'identity') return v;
  let rows = 0;
  let squares = 0;
  await eachRow(layer, (g) => {
    rows++;
    squares += dotOf(g, g) / g.length;
  });
  // lambda = mean_i mean(g_i^2) / 10; gradients that are all 0 have no curvature at all.
  const lambda = squares / Math.max(1, rows) / damping;
  if (lambda === 0) return v;
  if (hessian === 'exact') {
    const outer = new Float64Array(v.length ** 2);
    await eachRow(layer, (g) => {
      for (let s = 0; s < g.length; s++)
        for (let t = 0; t <= s; t++) outer[s * g.length + t]! += (g[s]! * g[t]!) / rows;
    });
    for (let s = 0; s < v.length; s++) outer[s * v.length + s]! += lambda;
    return solvePositive(outer, v);
  }
  // (1 / (n lambda)) sum_i (v - (v.g_i) / (lambda + |g_i|^2) g_i): the mean of inverses by Sherman and Morrison.
  const sum = new Float64Array(v.length);
  await eachRow(layer, (g) => {
    const share = dotOf(v, g) / (lambda + dotOf(g, g));
    for (let t = 0; t < v.length; t++) sum[t]! += v[t]! - share * g[t]!;
  });
  return sum.map((value) => value / (rows * lambda));
}

/**
 * Influence of each row on the mean loss of the target, s_i = -sum_l <H_l^-1 v_l, g_il>: the change of that loss when
 * row i counts more, so that the most negative row helps most. Rows with a layer that isn't finite are NaN.
 *
 * @param layers gradients of each layer, of the pool and of the target
 */
export async function datainfScores(
  layers: readonly { train: WideColumn; target: Matrix }[],
  options: Pick<DatainfOptions, 'hessian' | 'damping'>,
): Promise<Float64Array> {
  const rows = layers[0]?.train.rows ?? 0;
  const scores = new Float64Array(rows);
  for (const { train, target } of layers) {
    const direction = await inverseTimes(train, meanRow(target), options);
    const layer = new Float64Array(rows).fill(Number.NaN);
    await eachRow(train, (g, row) => {
      layer[row] = -dotOf(direction, g);
    });
    for (let row = 0; row < rows; row++) scores[row]! += layer[row]!;
  }
  return scores;
}

/** DataInf: rows that lower the loss of a target, by influence functions in closed form. */
export const datainf: Selector<DatainfOptions> = {
  name: 'datainf',
  order: 280,
  version: 1,
  title: 'DataInf: influence in closed form',
  source: 'DataInf, Kwon et al. (ICLR 2024), arXiv 2310.00902; code ykwon0407/DataInf at fe9145a',
  summary:
    'Keeps the rows whose weight, if raised, would lower the loss on a target most, by an approximate inverse of the Hessian.',
  formula: [
    's_i = −Σ_l ⟨H_l⁻¹ v_l, g_i,l⟩, v the gradient of the target',
    'H⁻¹ v ≈ (1 / nλ) Σ_i (v − ⟨v, g_i⟩ / (λ + ‖g_i‖²) g_i), λ = mean g² / 10',
    'keep the most negative',
  ].join('\n'),
  options: z.strictObject({
    layers: z
      .array(z.string().min(1))
      .min(1)
      .default(['gradient_1'])
      .describe('columns of gradients, each a layer (or all layers projected); the reference has the same'),
    hessian: z
      .enum(['datainf', 'identity', 'exact'])
      .default('datainf')
      .describe(
        'datainf: the mean of inverses (the method); identity: no curvature; exact: the damped inverse itself, for up to 4096 numbers a layer',
      ),
    damping: z.coerce.number().positive().default(10).describe('lambda = mean squared gradient / this'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ layers }) => layers,
  streams: ({ layers }) => layers,
  referenceNeeds: ({ layers }) => layers,
  async select(input, options, context) {
    const reference = referenceOf(input, 'datainf');
    const layers = options.layers.map((name) => ({
      train: wideColumn(input, name),
      target: vectorColumn(reference, name),
    }));
    for (const { train, target } of layers) {
      if (options.hessian === 'exact' && train.width > LARGEST_EXACT_WIDTH) {
        throw new RangeError(
          `An exact inverse is for at most ${LARGEST_EXACT_WIDTH} numbers a row, not ${train.width}.`,
        );
      }
      if (train.width !== target.width) {
        throw new RangeError(`Gradients of ${train.width} numbers and targets of ${target.width} do not fit.`);
      }
    }
    return selectRanked(input, context, {
      method: 'datainf',
      options,
      score: await datainfScores(layers, options),
      column: options.layers.join('`, `'),
      order: 'asc',
      output: 'rank',
    });
  },
};
