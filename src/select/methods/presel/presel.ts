import { z } from 'zod';
import { mapRows, type WideColumn } from '../../../numeric/columns.ts';
import { openProducts } from '../../../numeric/linalg/gemm.ts';
import { unitRows } from '../../../numeric/linalg/matrix.ts';
import { createRandom } from '../../../numeric/philox.ts';
import { largestRemainder } from '../../kit/allocate.ts';
import { roundedShares, taskSoftmax } from '../../kit/allocate-published.ts';
import { clusterRows } from '../../kit/clustering.ts';
import { dropUnclusterable } from '../../kit/clusters.ts';
import { groupBy, scalarColumn, wideColumn } from '../../kit/columns.ts';
import { shareOfCount } from '../../kit/exact-shares.ts';
import { groupsOf } from '../../kit/groups.ts';
import { closePool, openPool, type Pool } from '../../kit/pool.ts';
import { textOnlyByVariant } from '../../kit/text-only.ts';
import type { SelectContext, Selector, SelectorInput, TextOnlyPolicy } from '../../selector.ts';
import { drawReference, type PreselTask, taskDifficulty } from './presel-tasks.ts';
import { typicalRows } from './typical-rows.ts';

export interface PreselOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  reference: number;
  referenceRows?: string | undefined;
  withQuestion: string;
  imageOnly: string;
  embedding: string;
  clusterShare: number;
  textOnly: TextOnlyPolicy;
}

/** sklearn's default, which the published code uses. */
const ITERATIONS = 300;

const textOnly = textOnlyByVariant('exclude');

const options = z
  .strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: reference rows are part of the subset, shares are exact; official: the published code for LLaVA-665K, only new rows, quotas beyond a task are drawn anywhere',
      ),
    reference: z.coerce
      .number()
      .gt(0)
      .max(1)
      .default(0.05)
      .describe('share of every task that the reference model is tuned on and difficulty is measured by'),
    referenceRows: z
      .string()
      .min(1)
      .optional()
      .describe('a column that is not 0 in reference rows; else they are drawn at random'),
    withQuestion: z
      .string()
      .min(1)
      .default('nll_mm')
      .describe('column of the loss given image and question, nats/token'),
    imageOnly: z.string().min(1).default('nll_image_only').describe('column of the loss given the image alone'),
    embedding: z.string().min(1).default('dino').describe('column of a self-supervised image embedding'),
    clusterShare: z.coerce.number().gt(0).max(1).default(0.01).describe('clusters of a task, as a share of its rows'),
    textOnly: textOnly.option,
  })
  .transform((given): PreselOptions => textOnly.withDefault(given));

/** PreSel: typical images of each task, more of tasks whose questions help. */
export const presel: Selector<PreselOptions> = {
  name: 'presel',
  order: 310,
  version: 2,
  title: 'PreSel: typical images, by task importance',
  source: 'PreSel, Safaei et al. (CVPR 2025), arXiv 2503.07591; code bardisafa/PreSel at 2dd6709',
  summary:
    'Measures on a small random reference how much questions help in each task, gives tasks budgets by it, and keeps images that are typical of their cluster, so that only those need instructions.',
  formula: [
    'IRS = L(y | x, I) / L(y | I) on a reference of 5 %; r_t its mean over task t',
    'share of t = softmax(−r_t / T), T = 1 / √tasks',
    'in each task clusters by size; in each the largest mean cosine to the 5 nearest',
  ].join('\n'),
  deviations: [
    'P5: the reference is no part of the subset, so that a budget of all rows falls short',
    'Remainders go to the easiest task, and what a task lacks is drawn at random',
  ],
  options,
  needs: ({ withQuestion, imageOnly, embedding, referenceRows }) => [
    withQuestion,
    imageOnly,
    embedding,
    ...(referenceRows === undefined ? [] : [referenceRows]),
  ],
  streams: ({ embedding }) => [embedding],
  async select(input, chosen, context) {
    const column = wideColumn(input, chosen.embedding);
    const pool = openPool(input, chosen.textOnly, context);
    await dropUnclusterable(pool, column, chosen.embedding);
    const points = mapRows(column, unitRows);
    const isOfficial = chosen.variant === 'official';
    const tasks = openTasks(input, pool, chosen, context);
    const { clusters, parts, notes } = await clusterTasks(points, tasks, chosen.clusterShare, context);
    const { difficulty, unmeasured } = taskDifficulty(
      tasks,
      scalarColumn(input, chosen.withQuestion),
      scalarColumn(input, chosen.imageOnly),
    );
    if (isOfficial) leaveReference(pool, tasks);
    else keepReference(pool, tasks);
    const budget = pool.budget - (isOfficial ? 0 : tasks.reduce((sum, { reference }) => sum + reference.length, 0));
    const sizes = tasks.map(({ members, reference }) => members.length - reference.length);
    const temperature = 1 / Math.sqrt(Math.max(1, tasks.length));
    const quota = taskSoftmax(difficulty, Math.max(0, budget), { temperature, sizes: isOfficial ? undefined : sizes });
    const products = await openProducts();
    try {
      for (const [t, { reference }] of tasks.entries()) {
        const open = without(parts[t]!, reference);
        const asked = Math.min(quota[t]!, sizes[t]!);
        const taken = inClusters(open, parts[t]!, asked, chosen.variant);
        for (const [c, rows] of open.entries()) {
          const { order, typicality } = await typicalRows(await points.gather(rows), products);
          const ranked = Array.from(order, (i) => rows[i]!);
          explain(pool, rows, typicality, ranked, taken[c]!);
        }
      }
    } finally {
      await products.release();
    }
    if (isOfficial) fillAtRandom(pool, context.seed);
    countTasks(pool, tasks, quota);
    pool.notes.push(...notes, ...describeTasks(tasks, difficulty, unmeasured));
    return closePool(pool, { method: 'presel', options: chosen, order: 'rank', clusters }, input, context);
  },
};

/** Sources are the tasks; each has its reference, named by a column or drawn. */
function openTasks(input: SelectorInput, pool: Pool, chosen: PreselOptions, { seed }: SelectContext): PreselTask[] {
  const { groups, labels } = groupBy(Array.from({ length: input.rows }, (_, row) => input.source?.[row] ?? null));
  const tasks = groupsOf(pool.rows, groups, labels, 'no source').map((group) => ({
    ...group,
    reference: [] as number[],
  }));
  if (chosen.referenceRows === undefined) drawReference(tasks, chosen.reference, seed);
  else {
    const marked = scalarColumn(input, chosen.referenceRows);
    for (const task of tasks) {
      task.reference = task.members.filter((row) => Number.isFinite(marked[row]) && marked[row] !== 0);
    }
  }
  return tasks;
}

/** k-means of each task by itself; clusters are numbered through. */
async function clusterTasks(
  points: WideColumn,
  tasks: readonly PreselTask[],
  share: number,
  context: SelectContext,
): Promise<{ clusters: Int32Array; parts: number[][][]; notes: string[] }> {
  const clusters = new Int32Array(points.rows).fill(-1);
  const parts: number[][][] = [];
  const notes = new Set<string>();
  let next = 0;
  for (const { members } of tasks) {
    const wanted = Math.max(1, shareOfCount(share, members.length));
    const found = await clusterRows(points, members, wanted, context, { niter: ITERATIONS });
    const own = Array.from({ length: found.k }, () => [] as number[]);
    for (const row of members) {
      own[found.clusters[row]!]!.push(row);
      clusters[row] = next + found.clusters[row]!;
    }
    for (const note of found.notes) notes.add(note);
    parts.push(own);
    next += found.k;
  }
  return { clusters, parts, notes: [...notes] };
}

/** As much of the reference as the budget holds is the first part of the subset. */
function keepReference(pool: Pool, tasks: readonly PreselTask[]): void {
  const { taken } = largestRemainder(
    tasks.map(({ reference }) => reference.length),
    pool.budget,
  );
  tasks.forEach(({ reference }, t) => {
    for (const row of reference.slice(0, taken[t]!)) {
      Object.assign(pool.reasons[row]!, { kept: true, code: 'random' });
      pool.kept.push(row);
    }
  });
}

function leaveReference(pool: Pool, tasks: readonly PreselTask[]): void {
  const rows = tasks.flatMap(({ reference }) => reference);
  for (const row of rows) pool.reasons[row]!.code = 'in-reference';
  if (rows.length === 0) return;
  pool.leftOut.push(`${rows.length} rows are the reference`);
  pool.notes.push(`The ${rows.length} rows of the reference are not part of the subset: only new rows are chosen.`);
}

const without = (parts: readonly number[][], rows: readonly number[]): number[][] => {
  const left = new Set(rows);
  return parts.map((part) => part.filter((row) => !left.has(row)));
};

/**
 * How many rows each cluster of a task gives. Paper: largest remainder; official: rounded, mended by one a cluster at
 * most.
 */
function inClusters(
  open: readonly number[][],
  whole: readonly number[][],
  asked: number,
  variant: PreselOptions['variant'],
): Int32Array {
  const sizes = open.map(({ length }) => length);
  if (variant === 'paper') return largestRemainder(sizes, asked).taken;
  const ranks = whole.map(({ length }) => length);
  return roundedShares(sizes, asked, ranks);
}

function explain(
  pool: Pool,
  rows: readonly number[],
  typicality: Float64Array,
  ranked: readonly number[],
  taken: number,
): void {
  rows.forEach((row, i) => {
    pool.reasons[row]!.score = typicality[i]!;
  });
  ranked.forEach((row, i) => {
    Object.assign(pool.reasons[row]!, { kept: i < taken, rank: i + 1, code: i < taken ? 'kept-top' : 'below-quota' });
    if (i < taken) pool.kept.push(row);
  });
}

/**
 * What quotas beyond a task and rounding leave open is drawn from all rows that are left, as the published merge does.
 */
function fillAtRandom(pool: Pool, seed: number): void {
  const left = pool.rows.filter((row) => !pool.reasons[row]!.kept && pool.reasons[row]!.code !== 'in-reference');
  const count = Math.min(
    left.length,
    pool.budget - (pool.kept.length - pool.counts.reduce((sum, { kept }) => sum + kept, 0)),
  );
  if (count <= 0) return;
  for (const i of createRandom(seed, 'select/presel/fill').sample(left.length, count)) {
    Object.assign(pool.reasons[left[i]!]!, { kept: true, code: 'random' });
    pool.kept.push(left[i]!);
  }
  pool.notes.push(`${count} rows were drawn at random in places that tasks could not fill.`);
}

function countTasks(pool: Pool, tasks: readonly PreselTask[], quota: Int32Array): void {
  tasks.forEach(({ id, label, members }, t) => {
    const kept = members.filter((row) => pool.reasons[row]!.kept).length;
    pool.counts.push({ cluster: id, label, size: members.length, candidates: members.length, quota: quota[t]!, kept });
  });
}

function describeTasks(tasks: readonly PreselTask[], difficulty: readonly number[], unmeasured: number): string[] {
  const measured = tasks.reduce((sum, { reference }) => sum + reference.length, 0);
  const order = [...tasks.keys()].sort((a, b) => difficulty[a]! - difficulty[b]! || a - b);
  const name = (t: number | undefined): string =>
    t === undefined ? '' : `${tasks[t]!.label} (${difficulty[t]!.toFixed(3)})`;
  return [
    ...(tasks.length > 1
      ? [
          `Questions help most in ${name(order[0])} and least in ${name(order.at(-1))}, by ${measured} rows of the reference.`,
        ]
      : []),
    ...(unmeasured > 0
      ? [`${unmeasured} tasks have no measured loss in the reference; they count as the mean of the others.`]
      : []),
  ];
}
