import { z } from 'zod';
import { openArgmaxTree } from '../../numeric/argmax-tree.ts';
import { unitRowsJoined } from '../../numeric/linalg/join-vectors.ts';
import { gatherRows, type Matrix } from '../../numeric/linalg/matrix.ts';
import { nearestByCosine } from '../../numeric/nearest.ts';
import { openTopK } from '../../numeric/topk.ts';
import { scalarColumn, vectorColumn } from '../kit/columns.ts';
import { keepPicked } from '../kit/groups.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { SelectContext, Selector, TextOnlyPolicy } from '../selector.ts';

export interface SelfFilterOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  score: string;
  features: string[];
  neighbours: number;
  gamma: number;
  textOnly: TextOnlyPolicy;
}

/** Rows whose neighbours are looked up at once: one product of matrices for all that will likely be picked next. */
const LOOKUP_ROWS = 256;

/**
 * Greedy: the most difficult row is picked, and each of its k nearest rows that are left gets easier by d cos^2 gamma;
 * again, until `count` rows are picked. Neighbours are exact: a list of more than k of them stays right while k of its
 * rows are left.
 *
 * @param isClamped false: a picked row of negative difficulty raises its neighbours, as published
 * @returns rows in the order of their picking
 */
export async function pickByDifficulty(
  features: Matrix,
  difficulty: ArrayLike<number>,
  count: number,
  { k, gamma, isClamped }: { k: number; gamma: number; isClamped: boolean },
  { signal, progress }: Pick<SelectContext, 'signal' | 'progress'> = {},
): Promise<Int32Array> {
  const tree = openArgmaxTree(difficulty);
  const lists = new Map<number, { rows: Int32Array; similarities: Float32Array; isWhole: boolean }>();
  const listed = 2 * k + 16;
  const lookUp = async (first: number): Promise<void> => {
    const next = openTopK(LOOKUP_ROWS);
    for (let row = 0; row < features.rows; row++) if (row === first || tree.has(row)) next.push(row, tree.value(row));
    const queries = [...new Set([first, ...next.rows()])];
    lists.clear();
    const found = await nearestByCosine(gatherRows(features, queries), features, {
      k: listed,
      skip: (query, row) => row === queries[query] || !tree.has(row),
      signal,
    });
    queries.forEach((row, i) => {
      const rows = found.rows[i]!;
      lists.set(row, { rows, similarities: found.similarities[i]!, isWhole: rows.length < listed });
    });
  };
  const picked = new Int32Array(Math.min(count, features.rows));
  for (let n = 0; n < picked.length; n++) {
    signal?.throwIfAborted();
    const row = tree.best();
    const d = tree.value(row);
    picked[n] = row;
    tree.remove(row);
    if (n % LOOKUP_ROWS === 0) progress?.(n, picked.length, 'picking rows');
    const penalty = gamma * (isClamped ? Math.max(0, d) : d);
    if (penalty === 0 || n === picked.length - 1) continue;
    const left = (): number => lists.get(row)?.rows.reduce((sum, other) => sum + (tree.has(other) ? 1 : 0), 0) ?? 0;
    if (lists.get(row)?.isWhole !== true && left() < k) await lookUp(row);
    const { rows, similarities } = lists.get(row)!;
    for (let i = 0, used = 0; i < rows.length && used < k; i++) {
      const other = rows[i]!;
      if (!tree.has(other)) continue;
      tree.set(other, tree.value(other) - penalty * similarities[i]! ** 2);
      used++;
    }
  }
  return picked;
}

/** Self-Filter: the hardest rows for the model itself, each making those that look and read like it less wanted. */
export const selfFilter: Selector<SelfFilterOptions> = {
  name: 'self-filter',
  order: 200,
  version: 1,
  title: 'Self-Filter: difficulty with a penalty on neighbours',
  source: 'Self-Filter, Chen et al. (ACL Findings 2024), arXiv 2402.12501; code RayRuiboChen/Self-Filter at ace4618',
  summary:
    'Picks the rows that a scorer trained with the model finds hardest, and lowers the difficulty of their nearest neighbours at each pick.',
  formula: [
    'd = difficulty by a scorer that is trained with the model, on CLIP features f',
    'repeat: keep i = argmax d; for its 10 nearest left d_j ← d_j − γ d_i cos²(f_i, f_j)',
  ].join('\n'),
  deviations: ['P9: a pick of negative difficulty raises its neighbours, so that its twin may move up'],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe('paper: a pick never makes its neighbours harder; official: one of negative difficulty does'),
    score: z.string().min(1).default('selffilter').describe('column of the difficulty, high is hard'),
    features: z
      .array(z.string().min(1))
      .min(1)
      .default(['clip_image', 'clip_text'])
      .describe('columns of vectors; each is scaled to length 1 and they count equally'),
    neighbours: z.coerce.number().int().min(1).default(10).describe('k, nearest rows that a pick makes easier'),
    gamma: z.coerce.number().min(0).default(1).describe('strength of the penalty; 0: the hardest rows'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ score, features }) => [score, ...features],
  async select(input, options, context) {
    const score = scalarColumn(input, options.score);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', `have no finite \`${options.score}\``, (row) => !Number.isFinite(score[row]));
    const features = unitRowsJoined(options.features.map((name) => vectorColumn(input, name)));
    dropRows(pool, 'nan', 'have no finite features', (row) => Number.isNaN(features.data[row * features.width]));
    const { rows } = pool;
    const picked = await pickByDifficulty(
      rows.length === features.rows ? features : gatherRows(features, rows),
      rows.map((row) => score[row]!),
      pool.budget,
      { k: options.neighbours, gamma: options.gamma, isClamped: options.variant === 'paper' },
      context,
    );
    keepPicked(
      pool,
      picked.map((i) => rows[i]!),
      score,
    );
    countAsOneGroup(pool, size, picked.length);
    return closePool(pool, { method: 'self-filter', options, order: 'rank' }, input, context);
  },
};
