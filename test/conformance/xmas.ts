import type { Column } from '../../src/numeric/columns.ts';
import { kmeans } from '../../src/numeric/kmeans/kmeans.ts';
import { centre, gatherRows, type Matrix } from '../../src/numeric/linalg/matrix.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import { instability } from '../../src/select/methods/shared/trajectories.ts';
import type { Selection } from '../../src/select/selector.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, firstOf, labels, listOf, matrices, toMatrix } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, toNumber, toNumbers } from './fixture.ts';
import { byWorker } from './worker-formulas.ts';

/** Inertia may differ this much from another k-means: both end in a local optimum. */
const INERTIA_SLACK = 1.02;

/** The published rule on trajectories of two checkpoints, whose only difference is the instability wanted. */
function selectOfficial(
  unsteady: number[],
  clusters: number[],
  textOnly: boolean[],
  percentage: number,
): Promise<Selection> {
  const rows = unsteady.length;
  return selectBy(
    'xmas',
    {
      rows,
      columns: {
        attention_sv: { kind: 'f32', width: 2, data: Float32Array.from(unsteady.flatMap((value) => [0, value])) },
        cluster: { kind: 'i32', width: 1, data: Int32Array.from(clusters) },
      },
      textOnly: Uint8Array.from(textOnly, Number),
    },
    { variant: 'official', values: 1, labels: 'cluster' },
    { budget: Math.floor((percentage * rows) / 100), seed: 42 },
  );
}

/** Place of each value among the distinct ones: their order without their size, which no precision blurs. */
function ranksOf(values: number[]): number[] {
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const rank = new Map(distinct.map((value, i) => [value, i]));
  return values.map((value) => rank.get(value)!);
}

/**
 * Rows in the order of the file, which decides ties; texts have no portable draw, so that only their count is compared.
 */
async function runSampling({ inputs, outputs, entries }: Case): Promise<string | undefined> {
  const numbersById = (key: string): Map<string, number> =>
    new Map(key in inputs ? entries(key).map(([id, one]) => [id, toNumber(one, `${key}.${id}`)]) : []);
  const clusterOf = numbersById('cluster_of');
  const unsteady = numbersById('instability');
  const rowOf = numbersById('row_of');
  const texts = new Set(Array.isArray(inputs.text_only_ids) ? inputs.text_only_ids.map(String) : []);
  const ids = [...new Set([...clusterOf.keys(), ...texts])];
  const rowAt = ids.map((id, i) => rowOf.get(id) ?? i);
  const isText = ids.map((id) => texts.has(id));
  const selection = await selectOfficial(
    ranksOf(ids.map((id) => unsteady.get(id) ?? 0)),
    ids.map((id) => clusterOf.get(id) ?? -1),
    isText,
    toNumber(inputs.percentage, 'percentage'),
  );
  const textRows = new Set(rowAt.filter((_, i) => isText[i]));
  const found = Array.from(selection.kept, (i) => rowAt[i]!);
  const counts = firstDifference({ n_selected: found.length, budget: selection.requested }, outputs);
  if (!('selected_rows_in_order' in outputs)) return counts;
  const wanted = toNumbers(outputs.selected_rows_in_order, 'selected_rows_in_order');
  const images = (rows: number[]): number[] => rows.filter((row) => !textRows.has(row));
  const countTexts = (rows: number[]): number => rows.length - images(rows).length;
  return firstOf(
    differs('selected_rows_in_order', images(wanted), images(found)),
    differs('rows without an image', countTexts(wanted), countTexts(found)),
    counts,
  );
}

/**
 * Trajectories given: their instability, the clusters of them, and the rows. Which cluster is which is chance in faiss,
 * and decides between clusters of one size: rows are chosen with the labels of the fixture where it has them.
 */
async function runTrajectories({ inputs, outputs }: Case): Promise<string | undefined> {
  const trajectories = toMatrix(inputs.trajectories, 'trajectories');
  const { rows } = trajectories;
  const columns: Record<string, Column> = { attention_sv: { kind: 'f32', ...trajectories } };
  const options = { variant: 'official', values: 1 };
  const context = { budget: Math.floor((toNumber(inputs.percentage, 'percentage') * rows) / 100), seed: 42 };
  const clustered = await selectBy('xmas', { rows, columns }, { ...options, k: toNumber(inputs.k, 'k') }, context);
  let chosen = clustered;
  if (outputs.faiss_labels !== undefined) {
    columns.cluster = labels(outputs.faiss_labels, 'faiss_labels');
    chosen = await selectBy('xmas', { rows, columns }, { ...options, labels: 'cluster' }, context);
  }
  return firstOf(
    firstDifference({ instability: [...instability(trajectories)], selected_rows_in_order: [...chosen.kept] }, outputs),
    'partition' in outputs && comparePartitions(trajectories, outputs.partition, clustered.clusters!),
  );
}

/** The same groups, or others that lie as close: k-means ends in a local optimum. */
function comparePartitions(points: Matrix, wanted: unknown, labelOf: Int32Array): string | undefined {
  const expected = partition(wanted);
  const found = partition([...new Set(labelOf)].map((c) => [...labelOf.keys()].filter((row) => labelOf[row] === c)));
  const inertia = (groups: number[][]): number =>
    groups.flatMap((rows) => [...centre(gatherRows(points, rows)).squares]).reduce((sum, square) => sum + square, 0);
  const isAsGood = found.length === expected.length && inertia(found) <= inertia(expected) * INERTIA_SLACK;
  return isAsGood ? undefined : differs('partition', expected, found);
}

/** Groups as a set: rows ascending, groups by their first row. */
const partition = (groups: unknown): number[][] =>
  listOf(groups, 'partition')
    .map((group) => toNumbers(group, 'partition').sort((a, b) => a - b))
    .sort((a, b) => a[0]! - b[0]!);

/** The official code breaks down; this one gives all rows of the small cluster and passes the rest on. */
async function runTooSmall({ inputs }: Case): Promise<string | undefined> {
  const images = toNumber(inputs.image_cluster_size, 'image_cluster_size');
  const texts = toNumber(inputs.text_only, 'text_only');
  const rows = Array.from({ length: images + texts }, (_, row) => row);
  const { kept, requested } = await selectOfficial(
    rows.map(() => 1),
    rows.map((row) => (row < images ? 0 : -1)),
    rows.map((row) => row >= images),
    toNumber(inputs.percentage, 'percentage'),
  );
  // Clusters of one or two rows are dropped.
  const [fromImages, fromTexts] = [images, texts].map((size) => (size > 2 ? size : 0)) as [number, number];
  return firstOf(
    differs('rows without an image', fromTexts, kept.filter((row) => row >= images).length),
    differs('rows', Math.min(requested, fromImages + fromTexts), kept.length),
  );
}

async function runKMeans({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.X, 'X');
  const k = listOf(outputs.centroids ?? [...new Set(listOf(outputs.labels, 'labels'))], 'centroids').length;
  const { inertia } = await kmeans(points, { k, niter: 100, nredo: 4 });
  const expected = toNumber(outputs.inertia, 'inertia');
  return inertia <= expected * INERTIA_SLACK
    ? undefined
    : `inertia: expected at most ${expected} + 2 %, got ${inertia}`;
}

async function runAttention({ inputs, outputs }: Case): Promise<string | undefined> {
  const maps = await byWorker<Record<'paper' | 'official', { matrix: number[][]; values: number[] }>>(
    'cross_modal_attention',
    {
      q: matrices(inputs.q_proj, 'q_proj'),
      k: matrices(inputs.k_proj, 'k_proj'),
      image: toNumbers(inputs.image_cols, 'image_cols'),
      text: toNumber(inputs.text_rows_from, 'text_rows_from'),
    },
  );
  const found: Record<string, unknown> = {};
  for (const direction of ['official', 'paper'] as const) {
    const { matrix, values } = maps[direction];
    found[`${direction}_matrix`] = matrix;
    found[`${direction}_singular_values`] = values;
    found[`${direction}_top5_sum`] = values.slice(0, 5).reduce((sum, value) => sum + value, 0);
  }
  const { svd_lowrank_q5_top5_sum_range_over_50_seeds: range, ...compared } = outputs;
  if (range !== undefined) {
    // A sketch of rank 5 finds at most what there is: below it where the matrix has more.
    const most = Math.max(...toNumbers(range, 'range'));
    const sum = found.official_top5_sum as number;
    if (most > sum * (1 + 1e-4)) return `official_top5_sum: ${sum} is less than the ${most} that a sketch found`;
  }
  return firstDifference(found, compared, { close: { tolerance: 1e-4 } });
}

export const xmasChecks: CaseCheck[] = [
  {
    folder: 'xmas',
    inputs: {
      required: ['cluster_of', 'instability', 'percentage'],
      optional: ['row_of', 'text_only_ids', 'python_random_seed_for_text_only'],
    },
    outputs: { anyOf: ['selected_rows_in_order', 'n_selected', 'budget'] },
    run: runSampling,
  },
  {
    folder: 'xmas',
    inputs: { required: ['trajectories', 'k', 'percentage'], optional: ['budget', 'text_only'] },
    outputs: { anyOf: ['instability', 'partition', 'faiss_labels', 'selected_rows_in_order'] },
    run: runTrajectories,
  },
  {
    folder: 'xmas',
    inputs: { required: ['image_cluster_size', 'text_only', 'percentage'] },
    outputs: { anyOf: ['official_exception'] },
    run: runTooSmall,
  },
  {
    folder: 'xmas',
    inputs: { required: ['X'] },
    outputs: { anyOf: ['labels', 'centroids', 'inertia'] },
    run: runKMeans,
  },
  {
    folder: 'xmas',
    inputs: { required: ['q_proj', 'k_proj', 'image_cols', 'text_rows_from'] },
    outputs: {
      anyOf: /^((official|paper)_(matrix|singular_values|top5_sum)|svd_lowrank_q5_top5_sum_range_over_50_seeds)$/,
    },
    run: runAttention,
  },
];
