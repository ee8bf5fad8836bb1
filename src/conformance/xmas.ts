import { kmeans } from '../numeric/kmeans.ts';
import { singularValues } from '../numeric/singular-values.ts';
import { selectBy } from '../select/registry.ts';
import type { Selection } from '../select/selector.ts';
import { instability } from '../select/trajectories.ts';
import { crossAttention } from '../signals/cross-attention.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, toMatrix } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumber, toNumbers } from './fixture.ts';

/** Inertia may differ this much from another k-means: both end in a local optimum. */
const INERTIA_SLACK = 1.02;

const asMap = (value: unknown, what: string): Map<string, number> => {
  if (!isRecord(value)) throw new TypeError(`${what} is no object`);
  return new Map(Object.entries(value).map(([id, one]) => [id, toNumber(one, `${what}.${id}`)]));
};

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

/** Rows in the order of the file, which decides ties; texts have no portable draw, so that only their count is compared. */
async function runSampling({ inputs, outputs }: Case): Promise<string | undefined> {
  const clusterOf = asMap(inputs.cluster_of, 'cluster_of');
  const unsteady = asMap(inputs.instability, 'instability');
  const texts = new Set(Array.isArray(inputs.text_only_ids) ? inputs.text_only_ids.map(String) : []);
  const ids = [...new Set([...clusterOf.keys(), ...texts])];
  const rowOf = inputs.row_of === undefined ? undefined : asMap(inputs.row_of, 'row_of');
  const rowAt = ids.map((id, i) => rowOf?.get(id) ?? i);
  const isText = ids.map((id) => texts.has(id));
  const selection = await selectOfficial(
    ids.map((id) => unsteady.get(id) ?? 0),
    ids.map((id) => clusterOf.get(id) ?? -1),
    isText,
    toNumber(inputs.percentage, 'percentage'),
  );
  const textRows = new Set(rowAt.filter((_, i) => isText[i]));
  const found = Array.from(selection.kept, (i) => rowAt[i]!);
  const wanted = toNumbers(outputs.selected_rows_in_order, 'selected_rows_in_order');
  const withoutTexts = (rows: number[]): number[] => rows.filter((row) => !textRows.has(row));
  return firstDifference({ n_selected: found.length, budget: selection.requested }, outputs, {
    others: [
      differs('selected_rows_in_order', withoutTexts(wanted), withoutTexts(found)),
      differs(
        'rows without an image',
        wanted.length - withoutTexts(wanted).length,
        found.length - withoutTexts(found).length,
      ),
    ],
  });
}

/** Trajectories given: their instability, the two clusters, and the rows. */
async function runTrajectories({ inputs, outputs }: Case): Promise<string | undefined> {
  const trajectories = toMatrix(inputs.trajectories, 'trajectories');
  const selection = await selectBy(
    'xmas',
    { rows: trajectories.rows, columns: { attention_sv: { kind: 'f32', ...trajectories } } },
    { variant: 'official', values: 1, k: toNumber(inputs.k, 'k') },
    { budget: Math.floor((toNumber(inputs.percentage, 'percentage') * trajectories.rows) / 100), seed: 42 },
  );
  const groups = new Map<number, number[]>();
  for (const [row, cluster] of selection.clusters!.entries())
    groups.set(cluster, [...(groups.get(cluster) ?? []), row]);
  const found = {
    instability: [...instability(trajectories)],
    partition: [...groups.values()],
    // Clusters here are numbered by their first row, in faiss by chance: the partition says all there is.
    faiss_labels: outputs.faiss_labels,
    selected_rows_in_order: [...selection.kept],
  };
  return firstDifference(found, outputs);
}

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
  return (
    differs('rows without an image', texts, kept.filter((row) => row >= images).length) ??
    differs('rows', requested, kept.length)
  );
}

async function runKMeans({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.X, 'X');
  const k = new Set(toNumbers(outputs.labels, 'labels')).size;
  const { inertia } = await kmeans(points, { k, niter: 100, nredo: 4 });
  const expected = toNumber(outputs.inertia, 'inertia');
  return inertia <= expected * INERTIA_SLACK
    ? undefined
    : `inertia: expected at most ${expected} + 2 %, got ${inertia}`;
}

function toLayers(value: unknown, what: string): ReturnType<typeof toMatrix>[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list of layers`);
  return value.map((layer, l) => toMatrix(layer, `${what}[${l}]`));
}

async function runAttention({ inputs, outputs }: Case): Promise<string | undefined> {
  const q = toLayers(inputs.q_proj, 'q_proj');
  const k = toLayers(inputs.k_proj, 'k_proj');
  const [from = 0, to = 0] = toNumbers(inputs.image_cols, 'image_cols');
  const text = [toNumber(inputs.text_rows_from, 'text_rows_from'), q[0]?.rows ?? 0] as const;
  const found: Record<string, unknown> = {};
  for (const direction of ['official', 'paper'] as const) {
    const matrix = crossAttention(q, k, text, [from, to], direction);
    const values = [...singularValues(matrix)];
    found[`${direction}_matrix`] = matrix.map((row) => [...row]);
    found[`${direction}_singular_values`] = values;
    found[`${direction}_top5_sum`] = values.slice(0, 5).reduce((sum, value) => sum + value, 0);
  }
  const { svd_lowrank_q5_top5_sum_range_over_50_seeds: range, ...compared } = outputs;
  if (range !== undefined) {
    const [low = 0, high = 0] = toNumbers(range, 'range');
    const sum = found.official_top5_sum as number;
    if (sum < low * (1 - 1e-5) || sum > high * (1 + 1e-5))
      return `official_top5_sum: ${sum} is outside ${low} .. ${high}`;
  }
  return firstDifference(found, compared, { tolerance: 1e-4 });
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
