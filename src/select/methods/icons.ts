import { z } from 'zod';
import { mean, quantile } from '../../numeric/statistics/statistics.ts';
import { rankRows } from '../../numeric/topk.ts';
import { labelColumn, referenceOf, vectorColumn, wideColumn } from '../kit/columns.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../kit/pool.ts';
import { keepWindow } from '../kit/rank.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, SelectorInput, TextOnlyPolicy } from '../selector.ts';
import { referenceGroups } from './shared/reference-groups.ts';
import { groupMeans, targetProducts } from './shared/target-products.ts';

export interface IconsOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  gradient: string;
  tasks?: string | undefined;
  subtasks?: string | undefined;
  topPercent?: number | undefined;
  textOnly: TextOnlyPolicy;
}

/**
 * Votes of tasks: one for each task whose score of the row is at or above its percentile 100 - p (linear
 * interpolation).
 *
 * @param tasks scores of the listed rows, one list a task
 */
export function countVotes(tasks: readonly ArrayLike<number>[], topPercent: number): Int32Array {
  const votes = new Int32Array(tasks[0]?.length ?? 0);
  for (const scores of tasks) {
    const threshold = quantile(scores, (100 - topPercent) / 100);
    for (let i = 0; i < votes.length; i++) if (scores[i]! >= threshold) votes[i]!++;
  }
  return votes;
}

/** Mean rank over tasks, 0 for the row that every task puts first. */
function meanRanks(tasks: readonly Float32Array[]): Float64Array {
  const sums = new Float64Array(tasks[0]?.length ?? 0);
  for (const scores of tasks) {
    const ranked = rankRows([...sums.keys()], scores);
    // Equal scores share their first rank, so that the order of rows decides nothing before the very end.
    let rank = 0;
    for (let i = 0; i < ranked.length; i++) {
      if (i > 0 && scores[ranked[i]!] !== scores[ranked[i - 1]!]) rank = i;
      sums[ranked[i]!]! += rank;
    }
  }
  return sums.map((sum) => sum / Math.max(1, tasks.length));
}

/**
 * Scores of the pool's rows for each task of the reference: the mean over its rows, with subtasks the largest of their
 * means.
 */
async function taskScores(input: SelectorInput, { gradient, tasks, subtasks }: IconsOptions): Promise<Float32Array[]> {
  const reference = referenceOf(input, 'icons');
  const { groups: taskOf, count } = referenceGroups(reference, tasks);
  const subtask = subtasks === undefined ? undefined : labelColumn(reference, subtasks).groups;
  const parts = new Map<string, number>();
  const taskOfPart: number[] = [];
  const partOf = Int32Array.from(taskOf, (task, row) => {
    const key = `${task}/${subtask?.[row] ?? ''}`;
    const part = parts.get(key) ?? parts.size;
    if (part === parts.size) taskOfPart.push(task);
    parts.set(key, part);
    return part;
  });
  const means = groupMeans(vectorColumn(reference, gradient), partOf, parts.size, true);
  const products = await targetProducts(wideColumn(input, gradient), means, true);
  const scores = Array.from({ length: count }, () => new Float32Array(input.rows).fill(Number.NEGATIVE_INFINITY));
  for (let row = 0; row < input.rows; row++) {
    taskOfPart.forEach((task, part) => {
      scores[task]![row] = Math.max(scores[task]![row]!, products[row * parts.size + part]!);
    });
  }
  return scores;
}

/** ICONS: rows that many target tasks find influential. */
export const icons: Selector<IconsOptions> = {
  name: 'icons',
  order: 260,
  version: 1,
  title: 'ICONS: consensus of influences',
  source: 'ICONS, Wu et al., arXiv 2501.00654 (2025); code princetonvisualai/icons at b8ce8c8',
  summary:
    'Lets every target task vote for the rows whose gradients are most similar to its own, and keeps the rows with the most votes.',
  formula: [
    'score of row i on task t = mean_{v in t} ⟨g_i, v⟩',
    'votes_i = number of tasks on which i is in the top p per cent',
    'keep the most votes, equal ones by the mean rank over the tasks',
  ].join('\n'),
  deviations: ['P4: equal votes, usually many, are left to the order of rows'],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe('equal votes go. paper: to the better mean rank over tasks; official: to the earlier row'),
    gradient: z
      .string()
      .min(1)
      .default('gradient_1')
      .describe('column of projected gradients; the reference has the same'),
    tasks: z
      .string()
      .min(1)
      .optional()
      .describe('column of the reference with the task of each row; else its sources are the tasks'),
    subtasks: z
      .string()
      .min(1)
      .optional()
      .describe('column of the reference with parts of tasks: the score of a task is the largest mean of its parts'),
    topPercent: z.coerce
      .number()
      .gt(0)
      .max(100)
      .optional()
      .describe('p: a task votes for its best p per cent; default: the share that the budget is'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ gradient }) => [gradient],
  streams: ({ gradient }) => [gradient],
  referenceNeeds: ({ gradient, tasks, subtasks }) => [
    gradient,
    ...[tasks, subtasks].filter((name) => name !== undefined),
  ],
  async select(input, options, context) {
    const scores = await taskScores(input, options);
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    dropRows(pool, 'nan', `have no finite \`${options.gradient}\``, (row) =>
      scores.some((task) => !Number.isFinite(task[row])),
    );
    const tasks = scores.map((task) => Float32Array.from(pool.rows, (row) => task[row]!));
    const share = context.fraction ?? (size === 0 ? 0 : context.budget / size);
    const votes = countVotes(tasks, options.topPercent ?? Math.min(100, 100 * share));
    const second = options.variant === 'official' ? new Float64Array(votes.length) : meanRanks(tasks);
    const isOfficial = options.variant === 'official';
    // Mean ranks are fractions of few tasks and tie often; mean scores seldom do.
    const third = Float64Array.from(votes, (_, i) => (isOfficial ? 0 : mean(tasks.map((task) => task[i]!))));
    const order = [...votes.keys()].sort(
      (a, b) => votes[b]! - votes[a]! || second[a]! - second[b]! || third[b]! - third[a]! || a - b,
    );
    const score = new Int32Array(input.rows);
    pool.rows.forEach((row, i) => {
      score[row] = votes[i]!;
    });
    const ranked = Int32Array.from(order, (i) => pool.rows[i]!);
    countAsOneGroup(pool, size, keepWindow(pool, ranked, score));
    const boundary = votes[order[Math.min(pool.budget, order.length) - 1] ?? -1];
    if (boundary !== undefined) {
      const tied = votes.filter((n) => n === boundary).length;
      pool.notes.push(`The cut is among ${tied} rows with ${boundary} of ${tasks.length} votes.`);
    }
    return closePool(pool, { method: 'icons', options, order: 'rank' }, input, context);
  },
};
