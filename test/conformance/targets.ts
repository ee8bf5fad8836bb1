import { wideOf } from '../../src/numeric/columns.ts';
import type { Matrix } from '../../src/numeric/linalg/matrix.ts';
import { rankRows } from '../../src/numeric/topk.ts';
import { datainfScores } from '../../src/select/methods/datainf.ts';
import { countVotes } from '../../src/select/methods/icons.ts';
import { influenceScores } from '../../src/select/methods/less.ts';
import { roundRobin } from '../../src/select/methods/rds-plus.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, firstOf, listOf, numberOf, recordOf, toMatrix } from './columns.ts';
import { type Closeness, differs } from './compare.ts';
import { type Case, isRecord, toNumbers } from './fixture.ts';
import { byWorker } from './worker-formulas.ts';

/**
 * The published exact inverse is an eigen decomposition in single precision: two builds of torch differ by this much.
 */
const SINGLE_EIGEN: Closeness = { ofLargest: 1e-4 };

/** `train`: gradients by `<set>@<checkpoint>`; `val`: by checkpoint, its subtasks equal blocks of consecutive rows. */
async function runLess({ inputs, outputs, entries }: Case): Promise<string | undefined> {
  const train = recordOf(inputs.train, 'train');
  const val = recordOf(inputs.val, 'val');
  const subtasks = numberOf(inputs, 'subtasks');
  const checkpoints = entries('val').map(([checkpoint]) => checkpoint);
  const weights = weightsOf(inputs.checkpoint_weights, checkpoints);
  const sets = [...new Set(Object.keys(train).map((key) => key.slice(0, key.lastIndexOf('@'))))];
  const scores: Record<string, number[]> = {};
  for (const set of sets) {
    const parts = checkpoints.map((checkpoint, c) => ({
      train: wideOf(toMatrix(train[`${set}@${checkpoint}`], `train.${set}@${checkpoint}`)),
      target: toMatrix(val[checkpoint], `val.${checkpoint}`),
      weight: weights[c]!,
    }));
    const rows = parts[0]!.target.rows;
    const blockOf = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / (rows / subtasks)));
    scores[set] = [...(await influenceScores(parts, blockOf, subtasks, false))];
  }
  const all = sets.flatMap((set) => scores[set]!.map((_, row) => [set, row] as const));
  const score = all.map(([set, row]) => scores[set]![row]!);
  const count = Math.floor(numberOf(inputs, 'percentage') * all.length);
  const selected = [...rankRows([...all.keys()], score).subarray(0, count)].map((i) => all[i]);
  return firstOf(
    // Sums of products in single precision, whose terms are larger than what they come to.
    'scores' in outputs && differs('scores', outputs.scores, scores, { ofLargest: 2 ** -19 }),
    'selected_in_order' in outputs && differs('selected_in_order', outputs.selected_in_order, selected),
  );
}

/** Weights in the order of the checkpoints, given as a list or by checkpoint. */
function weightsOf(value: unknown, checkpoints: readonly string[]): number[] {
  if (!isRecord(value)) return toNumbers(value, 'checkpoint_weights');
  return toNumbers(
    checkpoints.map((name) => value[name]),
    'checkpoint_weights',
  );
}

async function runAdam({ inputs, outputs }: Case): Promise<string | undefined> {
  const feature = await byWorker<number[]>('adam_step', {
    gradient: toNumbers(inputs.grad, 'grad'),
    first: toNumbers(inputs.exp_avg, 'exp_avg'),
    second: toNumbers(inputs.exp_avg_sq, 'exp_avg_sq'),
  });
  return differs('feature', outputs.feature, feature);
}

async function runIcons({ inputs, outputs }: Case): Promise<string | undefined> {
  const tasks = Object.entries(recordOf(inputs.influence, 'influence')).map(([task, rows]) =>
    listOf(rows, task).map((row, i) => {
      const values = toNumbers(row, `${task}[${i}]`);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    }),
  );
  const percent = numberOf(inputs, 'top_percent');
  const votes = [...countVotes(tasks, percent)];
  // In this order of operations, as published: 29 % of 100 rows are 28.
  const k = Math.floor((percent / 100) * votes.length);
  // As published the last 0 rows of a list are all of it.
  const boundary = [...votes].sort((a, b) => b - a)[(k === 0 ? votes.length : k) - 1];
  const at = (is: (n: number) => boolean): number[] => [...votes.keys()].filter((row) => is(votes[row]!));
  const must = at((n) => boundary !== undefined && n > boundary);
  const among = at((n) => n === boundary);
  const official = outputs.selected_official;
  const allowed = new Set([...must, ...among]);
  const isAllowed =
    !Array.isArray(official) ||
    (must.every((row) => official.includes(row)) && official.every((row) => allowed.has(row as number)));
  return firstOf(
    'votes' in outputs && differs('votes', outputs.votes, votes),
    'k' in outputs && differs('k', outputs.k, k),
    'boundary_vote' in outputs && differs('boundary_vote', outputs.boundary_vote, boundary),
    'must_select' in outputs && differs('must_select', outputs.must_select, must),
    'boundary_rows' in outputs && differs('boundary_rows', outputs.boundary_rows, among),
    !isAllowed && `selected_official: not all of ${official} have the votes for it`,
  );
}

async function runRds({ inputs, outputs }: Case): Promise<string | undefined> {
  const similarity = listOf(inputs.similarity, 'similarity').map((row, q) => toNumbers(row, `similarity[${q}]`));
  const states = listOf(inputs.hidden, 'hidden').map((row, t) => toNumbers(row, `hidden[${t}]`));
  const lists = similarity.map((scores) => rankRows([...scores.keys()], scores));
  return firstOf(
    'pooled' in outputs &&
      differs('pooled', outputs.pooled, await byWorker('weighted_mean', { states }), { decimals: 7 }),
    'selected' in outputs &&
      differs('selected', outputs.selected, roundRobin(lists, numberOf(inputs, 'n'), true).picked),
  );
}

/** Gradients by layer of every row, flattened, one matrix a layer. */
function layersOf(value: unknown, what: string): Record<string, Matrix> {
  const rows = listOf(value, what).map((row, i) => recordOf(row, `${what}[${i}]`));
  return Object.fromEntries(
    Object.keys(rows[0] ?? {}).map((layer) => [
      layer,
      toMatrix(
        rows.map((row) => listOf(row[layer], layer).flat()),
        `${what}.${layer}`,
      ),
    ]),
  );
}

/** LiSSA, the fourth output, diverges as published and is nobody's method here. */
async function runDatainf({ inputs, outputs }: Case): Promise<string | undefined> {
  const train = layersOf(inputs.train, 'train');
  const val = layersOf(inputs.val, 'val');
  const layers = Object.keys(train).map((layer) => ({ train: wideOf(train[layer]!), target: val[layer]! }));
  const damping = numberOf(inputs, 'lambda_const_param');
  const found: Record<string, number[]> = {};
  for (const [key, hessian] of [
    ['identity', 'identity'],
    ['proposed', 'datainf'],
    ['accurate', 'exact'],
  ] as const) {
    if (!(key in outputs)) continue;
    found[key] = [...(await datainfScores(layers, { hessian, damping }))];
  }
  const { accurate, ...others } = outputs;
  return firstOf(
    firstDifference(found, others, { close: { decimals: 6 } }),
    firstDifference(found, { accurate }, { close: { ...SINGLE_EIGEN, decimals: 6 } }),
  );
}

/** Methods that aim at a target, and the features that they compare. */
export const targetChecks: CaseCheck[] = [
  {
    folder: 'less',
    inputs: { required: ['train', 'val', 'checkpoint_weights', 'subtasks', 'percentage'] },
    outputs: { anyOf: ['scores', 'selected_in_order'] },
    run: runLess,
  },
  {
    folder: 'less',
    inputs: { required: ['grad', 'exp_avg', 'exp_avg_sq'] },
    outputs: { anyOf: ['feature'] },
    run: runAdam,
  },
  {
    folder: 'icons',
    inputs: { required: ['influence', 'top_percent'] },
    outputs: { anyOf: ['votes', 'k', 'must_select', 'boundary_rows', 'boundary_vote', 'selected_official'] },
    run: runIcons,
  },
  {
    folder: 'rdsplus',
    inputs: { required: ['hidden', 'similarity', 'n'] },
    outputs: { anyOf: ['pooled', 'selected'] },
    run: runRds,
  },
  {
    folder: 'datainf',
    inputs: { required: ['train', 'val', 'lambda_const_param'] },
    outputs: { anyOf: ['identity', 'proposed', 'accurate', 'LiSSA'] },
    run: runDatainf,
  },
];
