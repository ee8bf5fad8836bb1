import { openProducts } from '../../src/numeric/linalg/gemm.ts';
import { gatherRows, unitRows } from '../../src/numeric/linalg/matrix.ts';
import { rankRows } from '../../src/numeric/topk.ts';
import { waterFill } from '../../src/select/kit/allocate.ts';
import {
  roundedShares,
  roundOverBins,
  taskSoftmax,
  valueProportional,
} from '../../src/select/kit/allocate-published.ts';
import { wideColumn } from '../../src/select/kit/columns.ts';
import { ceilShares, scoreEntropy, strataShares, stratify } from '../../src/select/methods/adapt-inf/ccs.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import { binsOf } from '../../src/select/methods/mmssr.ts';
import { typicalRows } from '../../src/select/methods/presel/typical-rows.ts';
import { clusterShares } from '../../src/select/methods/s2l.ts';
import { chainSimilarity } from '../../src/select/methods/semdedup/duplicates.ts';
import { instanceValues, instanceWeights } from '../../src/select/methods/tive/tive.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, firstOf, listOf, numberOf, recordOf, scalars, toMatrix, vectors } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumber, toNumbers } from './fixture.ts';

const texts = (value: unknown, what: string): string[] => listOf(value, what).map(String);

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

/** A number, or the text `1/sqrt(n)`. */
function temperatureOf(value: unknown, tasks: number): number {
  if (value === undefined) return 1 / Math.sqrt(tasks);
  const root = typeof value === 'string' ? /^1\/sqrt\((\d+)\)$/.exec(value) : null;
  return root === null ? toNumber(value, 'T') : 1 / Math.sqrt(Number(root[1]));
}

/** Budgets of tasks, capped by their sizes, and beside them the variant that isn't. */
function runTaskBudget({ inputs, outputs, beside, entries }: Case): Promise<string | undefined> {
  const difficulties = entries('difficulties');
  const sizes = recordOf(inputs.sizes, 'sizes');
  const tasks = difficulties.map(([task]) => task);
  const values = difficulties.map(([task, value]) => toNumber(value, task));
  const temperature = temperatureOf(inputs.T, tasks.length);
  const capped = taskSoftmax(values, numberOf(inputs, 'budget'), {
    temperature,
    sizes: tasks.map((task) => toNumber(sizes[task], task)),
  });
  const found = { allocate_samples_capped: Object.fromEntries(tasks.map((task, t) => [task, capped[t]])) };
  const uncapped = beside.uncapped_llava_variant;
  const other =
    isRecord(uncapped) && 'allocated' in uncapped
      ? differs('uncapped_llava_variant.allocated', uncapped.allocated, [
          ...taskSoftmax(toNumbers(uncapped.task_importance_ratio, 'task_importance_ratio'), numberOf(uncapped, 'N'), {
            temperature: numberOf(uncapped, 'T'),
          }),
        ])
      : undefined;
  return Promise.resolve(firstOf(firstDifference(found, outputs), other));
}

/** The most typical rows of each cluster of one task; ids are rows from an offset. */
async function runTypical({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.features, 'features');
  const cluster = toNumbers(inputs.cluster, 'cluster');
  const offset = numberOf(inputs, 'uid_offset');
  const before = new Set(toNumbers(inputs.already_selected, 'already_selected').map((id) => id - offset));
  const ids = [...new Set(cluster)].sort((a, b) => a - b);
  const whole = ids.map((id) => [...cluster.keys()].filter((row) => cluster[row] === id));
  const open = whole.map((rows) => rows.filter((row) => !before.has(row)));
  const quota = roundedShares(
    open.map((rows) => rows.length),
    numberOf(inputs, 'N'),
    whole.map((rows) => rows.length),
  );
  const selected: number[] = [];
  const products = await openProducts();
  try {
    for (const [c, rows] of open.entries()) {
      const { order } = await typicalRows(gatherRows(points, rows), products);
      selected.push(...Array.from(order.subarray(0, quota[c]!), (i) => rows[i]! + offset));
    }
  } finally {
    await products.release();
  }
  return firstDifference({ selected_uids_in_order: selected }, outputs);
}

/** One capability's turn, for each number of rows asked for; rows are given best first, the result as a set. */
function runOneCapability({ inputs, outputs }: Case): Promise<string | undefined> {
  const rows = toNumbers(inputs.rows_in_order, 'rows_in_order');
  const columns = Object.keys(inputs)
    .filter((key) => key.startsWith('sty_'))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
  const labels: string[][] = Array.from({ length: Math.max(0, ...rows) + 1 }, () => []);
  rows.forEach((row, i) => {
    labels[row] = columns
      .map((key) => listOf(inputs[key], key)[i])
      .map((style) => (style === null ? '' : String(style)));
  });
  const bins = binsOf(rows, labels, true);
  const found = Object.fromEntries(
    Object.keys(outputs).map((n) => [n, roundOverBins(bins, Number(n), new Set(), false).sort((a, b) => a - b)]),
  );
  return Promise.resolve(firstDifference(found, outputs));
}

/** Entropies, strata, shares of clusters and removal of duplicates, each by itself. */
async function runAdaptInf({ inputs, outputs }: Case): Promise<string | undefined> {
  const scores = Object.fromEntries(
    Object.keys(inputs)
      .filter((key) => key.startsWith('x_'))
      .map((key) => [key.slice(2), toNumbers(inputs[key], key)]),
  );
  const ccs = recordOf(inputs.ccs, 'ccs');
  const normal = scores.normal ?? Object.values(scores)[0] ?? [];
  const { strata } = stratify([...normal.keys()], normal, numberOf(ccs, 'bins'), true);
  const counts = strataShares(
    strata.map(({ length }) => length),
    numberOf(ccs, 'budget'),
    true,
  );
  const budgets = listOf(inputs.budget_cases, 'budget_cases').map((one) => {
    const [sizes, budget] = listOf(one, 'budget_cases');
    return [...ceilShares(toNumbers(sizes, 'sizes'), toNumber(budget, 'budget'))];
  });
  const { kept, similarity } = await withoutDuplicates(recordOf(inputs.semdedup, 'semdedup'));
  const found = {
    entropy: Object.fromEntries(Object.entries(scores).map(([name, own]) => [name, scoreEntropy(own, true)])),
    ccs_total: sum(counts),
    ccs_counts_high_to_low: [...counts],
    budgets,
    semdedup_kept: kept,
    semdedup_M: similarity,
  };
  // As published an empty bin of the histogram counts as 2e-16 of the scores, 6e-13 bits in all.
  return firstDifference(found, outputs, { byOutput: { semdedup_M: { decimals: 6 }, entropy: { decimals: 11 } } });
}

/** In every cluster the rows that are least similar to rows before them, a similarity below 0 being none. */
async function withoutDuplicates(given: Record<string, unknown>): Promise<{ kept: number[]; similarity: number[] }> {
  const points = unitRows(toMatrix(given.embeddings, 'embeddings'));
  const cluster = toNumbers(given.cluster, 'cluster');
  const members = Array.from({ length: Math.max(-1, ...cluster) + 1 }, (_, c) =>
    [...cluster.keys()].filter((row) => cluster[row] === c),
  );
  const shares = ceilShares(
    members.map(({ length }) => length),
    numberOf(given, 'keep'),
  );
  const kept: number[] = [];
  const similarity: number[] = [];
  const products = await openProducts();
  try {
    for (const [c, rows] of members.entries()) {
      const own = (await chainSimilarity(points, rows, products)).map((cosine) => Math.max(0, cosine));
      similarity.push(...own);
      const order = rankRows([...rows.keys()], own, 'asc');
      kept.push(...Array.from(order.subarray(0, shares[c]!), (i) => rows[i]!));
    }
  } finally {
    await products.release();
  }
  return { kept, similarity };
}

/** Values, quotas and weights exactly; of the draws only their numbers, since which rows are drawn isn't portable. */
async function runTive({ inputs, outputs }: Case): Promise<string | undefined> {
  const source = texts(inputs.dataset, 'dataset');
  const key = Object.keys(inputs).find((name) => name.startsWith('grad_first'))!;
  const norm = toNumbers(inputs.grad_norm, 'grad_norm');
  const tasks = [...new Set(source)].filter((name) => name !== 'textcaps');
  const members = tasks.map((task) => [...source.keys()].filter((row) => source[row] === task));
  const values = members.map((rows) => sum(rows.map((row) => norm[row]!)) / rows.length);
  const byTask = (own: ArrayLike<unknown>): Record<string, unknown> =>
    Object.fromEntries(tasks.map((task, t) => [task, own[t]]));
  const quotaFor = (p: string): Record<string, unknown> => byTask(valueProportional(values, Number(p) * source.length));
  const input = {
    rows: source.length,
    source,
    columns: { gradient_last: vectors(inputs[key], key), gradient_norm: scalars(inputs.grad_norm, 'grad_norm') },
  };
  const taskOf = Int32Array.from(source, (name) => tasks.indexOf(name));
  const instance = await instanceValues(wideColumn(input, 'gradient_last'), taskOf, tasks.length);
  const instanceOf = (expected: unknown, t: number): unknown => {
    const own = members[t]!.map((row) => instance[row]!);
    const weights = isRecord(expected) && isRecord(expected.weights) ? Object.keys(expected.weights) : [];
    return {
      rows: members[t],
      instance_value: own,
      weights: Object.fromEntries(weights.map((q) => [q, [...instanceWeights(own, Number(q))]])),
    };
  };
  const drawn: Record<string, unknown> = {};
  const wanted: Record<string, unknown> = {};
  for (const [setting, expected] of Object.entries(isRecord(outputs.selection) ? outputs.selection : {})) {
    const [, p = '', q = ''] = /^p=([\d.]+),q=([\d.]+)$/.exec(setting) ?? [];
    const fraction = Number(p);
    const context = { budget: Math.floor(fraction * source.length), fraction, seed: 42 };
    const { kept } = await selectBy('tive', input, { variant: 'official', q: Number(q) }, context);
    drawn[setting] = {
      counts: byTask(tasks.map((task) => kept.filter((row) => source[row] === task).length)),
      total: kept.length,
    };
    const rows = recordOf(expected, setting).selected_rows_in_order;
    wanted[setting] = {
      counts: recordOf(expected, setting).counts,
      total: Array.isArray(rows) ? rows.length : kept.length,
    };
  }
  // The fixture has what its script truncates before it draws.
  const whole = Object.fromEntries(
    Object.entries(isRecord(outputs.quota) ? outputs.quota : {}).map(([p, quota]) => [
      p,
      Object.fromEntries(Object.entries(recordOf(quota, 'quota')).map(([task, n]) => [task, Math.trunc(Number(n))])),
    ]),
  );
  const found = {
    task_value: byTask(values),
    quota: Object.fromEntries(Object.keys(isRecord(outputs.quota) ? outputs.quota : {}).map((p) => [p, quotaFor(p)])),
    instance: isRecord(outputs.instance)
      ? byTask(tasks.map((task, t) => instanceOf(recordOf(outputs.instance, 'instance')[task], t)))
      : undefined,
  };
  const expected = { ...outputs, quota: whole };
  return firstDifference(found, expected, {
    others: [differs('selection', wanted, drawn)],
    byOutput: { instance: { decimals: 6 } },
  });
}

/**
 * Shares of sources, and in each call those of the clusters that are given; which small cluster gives a row isn't
 * portable.
 */
async function runS2l({ inputs, outputs }: Case): Promise<string | undefined> {
  const source = texts(inputs.source, 'source');
  const names = [...new Set(source)];
  const sizes = names.map((name) => source.filter((own) => own === name).length);
  const budget = numberOf(inputs, 'budget');
  const shares = waterFill(sizes, budget);
  const ascending = [...names.keys()].sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  const calls = ascending.filter((s) => sizes[s]! > shares[s]!);
  const given = 'per_call' in outputs ? listOf(outputs.per_call, 'per_call') : [];
  const perCall = given.map((call, i) =>
    clusterCall(recordOf(call, 'per_call'), sizes[calls[i]!]!, shares[calls[i]!]!),
  );
  const input = { rows: source.length, source, columns: { nll_trajectory: vectors(inputs.losses, 'losses') } };
  const options = { variant: 'official', k: numberOf(inputs, 'n_components'), niter: numberOf(inputs, 'niter') };
  const { kept } = await selectBy('s2l', input, options, { budget, seed: 42 });
  const found = {
    per_source: Object.fromEntries(names.map((name) => [name, kept.filter((row) => source[row] === name).length])),
    n_selected: kept.length,
  };
  const others = perCall.map(({ expected, got }, i) => differs(`per_call[${i}]`, expected, got));
  return firstDifference(found, outputs, { others });
}

/** What one call of the published clustering should give for its own clusters. */
function clusterCall(call: Record<string, unknown>, pool: number, n: number): { expected: unknown; got: unknown } {
  const assign = toNumbers(call.assign, 'assign');
  const sizes = toNumbers(call.sizes, 'sizes').map((_, c) => assign.filter((own) => own === c).length);
  const { taken, fromSmall } = clusterShares(sizes, n, true);
  const given = recordOf(call.taken, 'taken');
  const isLarge = (c: number): boolean => sizes[c]! > 2;
  const of = (c: number): number => toNumber(given[String(c)] ?? 0, `taken.${c}`);
  const clusters = [...sizes.keys()];
  return {
    expected: {
      pool: call.pool,
      n: call.n,
      sizes: call.sizes,
      taken: clusters.filter(isLarge).map(of),
      fromSmall: sum(clusters.filter((c) => !isLarge(c)).map(of)),
    },
    got: { pool, n, sizes, taken: clusters.filter(isLarge).map((c) => taken[c]), fromSmall },
  };
}

/** Methods that share a budget out among tasks, bins, strata or clusters. */
export const shareChecks: CaseCheck[] = [
  {
    folder: 'presel',
    inputs: { required: ['difficulties', 'sizes', 'budget'], optional: ['T'] },
    outputs: { anyOf: ['allocate_samples_capped'] },
    run: runTaskBudget,
  },
  {
    folder: 'presel',
    inputs: { required: ['features', 'cluster', 'uid_offset', 'N', 'already_selected'] },
    outputs: { anyOf: ['selected_uids_in_order'] },
    run: runTypical,
  },
  {
    folder: 'mmssr',
    inputs: { required: ['rows_in_order', 'sty_1'], optional: /^(score|sty_\d+)$/ },
    outputs: { anyOf: /^\d+$/ },
    run: runOneCapability,
  },
  {
    folder: 'adaptinf',
    inputs: { required: ['ccs', 'budget_cases', 'semdedup'], optional: /^x_\w+$/ },
    outputs: {
      anyOf: ['entropy', 'ccs_total', 'ccs_counts_high_to_low', 'budgets', 'semdedup_kept', 'semdedup_M'],
    },
    run: runAdaptInf,
  },
  {
    folder: 'tive',
    inputs: { required: ['dataset', 'grad_norm'], optional: /^grad_first\d+$/ },
    outputs: { anyOf: ['task_value', 'quota', 'instance', 'selection'] },
    run: runTive,
  },
  {
    folder: 's2l',
    inputs: { required: ['losses', 'source', 'n_components', 'niter', 'budget'] },
    outputs: { anyOf: ['per_call', 'per_source', 'n_selected'] },
    run: runS2l,
  },
];
