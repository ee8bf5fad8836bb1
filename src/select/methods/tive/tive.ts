import { z } from 'zod';
import type { WideColumn } from '../../../numeric/columns.ts';
import { rowLength } from '../../../numeric/linalg/matrix.ts';
import { createRandom, type Random } from '../../../numeric/philox.ts';
import { mean } from '../../../numeric/statistics/statistics.ts';
import { largestRemainder } from '../../kit/allocate.ts';
import { softmax, valueProportional } from '../../kit/allocate-published.ts';
import { groupBy, scalarColumn, wideColumn } from '../../kit/columns.ts';
import { groupsOf } from '../../kit/groups.ts';
import { closePool, dropRows, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyOption } from '../../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../../selector.ts';
import { drawWeighted } from './draw-weighted.ts';

export interface TiveOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  gradient: string;
  norm: string;
  q: number;
  exclude: string[];
  textOnly: TextOnlyPolicy;
}

/**
 * Instance value of each row: the mean cosine of its gradient with those of all rows of its task, itself included; in
 * two passes, since it is the product with the mean unit gradient. NaN where a gradient isn't finite; a gradient of 0
 * has a value of 0.
 */
export async function instanceValues(
  gradient: WideColumn,
  task: ArrayLike<number>,
  tasks: number,
): Promise<Float64Array> {
  const { width } = gradient;
  const sums = new Float64Array(tasks * width);
  const sizes = new Int32Array(tasks);
  const values = new Float64Array(gradient.rows).fill(Number.NaN);
  for await (const { start, matrix } of gradient.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      const t = task[start + i]!;
      const length = rowLength(matrix, i);
      if (t < 0 || Number.isNaN(length)) continue;
      sizes[t]!++;
      if (length === 0) continue;
      for (let j = 0; j < width; j++) sums[t * width + j]! += matrix.data[i * width + j]! / length;
    }
  }
  for await (const { start, matrix } of gradient.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      const t = task[start + i]!;
      const length = rowLength(matrix, i);
      if (t < 0 || Number.isNaN(length)) continue;
      let dot = 0;
      for (let j = 0; j < width; j++) dot += matrix.data[i * width + j]! * sums[t * width + j]!;
      values[start + i] = length === 0 ? 0 : dot / length / sizes[t]!;
    }
  }
  return values;
}

/** Weights of a task's rows: softmax of q times the instance value. */
export const instanceWeights = (values: ArrayLike<number>, q: number): Float64Array => softmax(values, 1 / q);

/** TIVE: tasks by the size of their gradients, rows by how typical of their task theirs are. */
export const tive: Selector<TiveOptions> = {
  name: 'tive',
  order: 290,
  version: 1,
  title: 'TIVE: task and instance value',
  source: 'TIVE, Liu et al., arXiv 2403.09559 (2024); code RUCAIBox/TIVE at d2bad95',
  summary:
    'Gives sources a budget in proportion to their mean gradient norm, and draws rows whose gradient resembles the others of their source.',
  formula: [
    'value of source t = mean gradient norm of its rows; quota ∝ value',
    'in t draw rows with softmax(q v_i), v_i = mean cosine of g_i with the gradients of t, q = 0.001',
  ].join('\n'),
  deviations: [
    'P1: a source whose quota exceeds its size gives rows twice and more',
    'P2: quotas are truncated, and textcaps gives nothing although it counts in N',
    'P5: textcaps gives nothing',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: exactly the budget, every row once; official: quotas truncated, and a source whose quota exceeds its size gives rows twice and more',
      ),
    gradient: z.string().min(1).default('gradient_last').describe('column of projected gradients'),
    norm: z.string().min(1).default('gradient_norm').describe('column of the norm of the whole gradient'),
    q: z.coerce
      .number()
      .positive()
      .default(0.001)
      .describe('sharpness of the draw, softmax(q v); as published it is nearly uniform'),
    exclude: z
      .array(z.string().min(1))
      .default([])
      .describe('sources that give nothing but count in N (variant official: textcaps, as published)'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ gradient, norm }) => [gradient, norm],
  streams: ({ gradient }) => [gradient],
  async select(input, options, context) {
    const isOfficial = options.variant === 'official';
    const norm = scalarColumn(input, options.norm);
    const { groups, labels } = groupBy(Array.from({ length: input.rows }, (_, row) => input.source?.[row] ?? null));
    const pool = openPool(input, options.textOnly, context);
    const all = pool.rows.length;
    const left = new Set(options.exclude.length === 0 && isOfficial ? ['textcaps'] : options.exclude);
    dropRows(pool, 'out-of-range', `belong to a source that is left out (${[...left].join(', ')})`, (row) =>
      left.has(String(input.source?.[row] ?? '')),
    );
    const task = new Int32Array(input.rows).fill(-1);
    for (const row of pool.rows) task[row] = groups[row]! < 0 ? labels.length : groups[row]!;
    const values = await instanceValues(wideColumn(input, options.gradient), task, labels.length + 1);
    dropRows(
      pool,
      'nan',
      'have no finite gradient and norm',
      (row) => !Number.isFinite(norm[row]) || norm[row]! < 0 || !Number.isFinite(values[row]),
    );
    const tasks = groupsOf(pool.rows, groups, labels, 'no source');
    const taskValues = tasks.map(({ members }) => mean(members.map((row) => norm[row]!)));
    const sizes = tasks.map(({ members }) => members.length);
    const random = createRandom(context.seed, 'select/tive');
    // The published share is of all rows, those left out included, and not rounded.
    const share = context.fraction === undefined ? pool.budget : context.fraction * all;
    const quota = isOfficial
      ? valueProportional(taskValues, share)
      : largestRemainder(taskValues, Math.min(pool.budget, pool.rows.length), sizes).taken;
    tasks.forEach((group, t) => {
      drawTask(pool, group, values, quota[t]!, options.q, random);
    });
    if (isOfficial) noteOfficial(pool);
    return closePool(pool, { method: 'tive', options, order: 'row', clusters: task }, input, context);
  },
};

function drawTask(
  pool: Pool,
  { id, label, members }: { id: number; label: string; members: readonly number[] },
  values: ArrayLike<number>,
  quota: number,
  q: number,
  random: Random,
): void {
  const drawn = drawWeighted(
    members.map((row) => q * values[row]!),
    quota % Math.max(1, members.length) || (quota === 0 ? 0 : members.length),
    random,
  );
  const repeats = Math.ceil(quota / members.length) - 1;
  for (const row of members) Object.assign(pool.reasons[row]!, { cluster: id, score: values[row]!, code: 'not-drawn' });
  // Row by row: a source can have more rows than a call can have arguments.
  for (let n = 0; n < repeats; n++) for (const row of members) pool.kept.push(row);
  for (const i of drawn) pool.kept.push(members[i]!);
  for (const row of repeats > 0 ? members : Array.from(drawn, (i) => members[i]!)) {
    Object.assign(pool.reasons[row]!, { kept: true, code: 'random' });
  }
  pool.counts.push({ cluster: id, label, size: members.length, candidates: members.length, quota, kept: quota });
}

function noteOfficial(pool: Pool): void {
  const distinct = new Set(pool.kept).size;
  pool.leftOut.push('quotas of sources are rounded down');
  if (distinct < pool.kept.length) {
    pool.notes.push(`${pool.kept.length - distinct} of the rows are repetitions: sources with more quota than rows.`);
  }
}
