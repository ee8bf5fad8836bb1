import { wideOf } from '../../src/numeric/columns.ts';
import { nearestRows } from '../../src/numeric/neighbour-table.ts';
import { waterFill } from '../../src/select/kit/allocate.ts';
import {
  type DensityMode,
  densitySampler,
  forwardMessages,
  pickWithStandby,
} from '../../src/select/methods/d2/message-passing.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, numberOf, toMatrix } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumbers } from './fixture.ts';

const inRows = (values: ArrayLike<number>, k: number): number[][] =>
  Array.from({ length: values.length / k }, (_, row) => Array.from(values).slice(row * k, (row + 1) * k));

/** Graph and selections of the large-scale version, one for each `frac=..,gamma=..`. */
async function runStandby({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.X, 'X');
  const k = numberOf(inputs, 'k');
  const near = await nearestRows(wideOf(points), { k, search: 'exact' });
  const values = forwardMessages(toNumbers(inputs.score, 'score'), near);
  const wanted = isRecord(outputs.selected) ? Object.keys(outputs.selected) : [];
  const selected = wanted.map((key) => {
    const [, fraction = '', gamma = ''] = /^frac=([\d.]+),gamma=([\d.]+)$/.exec(key) ?? [];
    const count = Math.floor(Number(fraction) * points.rows);
    return [key, [...pickWithStandby(values, near, Number(gamma), count)]] as const;
  });
  const found = {
    neighbors: inRows(near.rows, k),
    graph_score: [...values],
    sq_dist: inRows(near.squares, k),
    selected: Object.fromEntries(selected),
  };
  return firstDifference(found, outputs, { byOutput: { sq_dist: { decimals: 6 } } });
}

/** The dense sampler in its four modes; selected rows are a set. */
async function runDensity({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.X, 'X');
  const near = await nearestRows(wideOf(points), { k: numberOf(inputs, 'n_neighbor'), search: 'exact' });
  const score = toNumbers(inputs.importance, 'importance');
  for (const [key, expected] of Object.entries(outputs)) {
    const [graph, sampling] = key.split('/') as [DensityMode['graph'], DensityMode['sampling']];
    const { start, picked } = densitySampler(
      score,
      near,
      { graph, sampling },
      numberOf(inputs, 'gamma'),
      numberOf(inputs, 'budget'),
    );
    const { selected_set: wanted, ...rest } = isRecord(expected) ? expected : {};
    const sorted = toNumbers(wanted, 'selected_set').sort((a, b) => a - b);
    const difference = firstDifference({ start_density: [...start] }, rest, {
      others: [
        differs(
          'selected_set',
          sorted,
          [...picked].sort((a, b) => a - b),
        ),
      ],
    });
    if (difference !== undefined) return `${key}.${difference}`;
  }
  return undefined;
}

/** Budgets of bins, the inputs being the keys: `(budget, [sizes])`. */
async function runBins({ outputs }: Case): Promise<string | undefined> {
  const found = Object.keys(outputs).map((key) => {
    const [budget = 0, ...sizes] = (key.match(/\d+/g) ?? []).map(Number);
    return [key, [...waterFill(sizes, budget)]] as const;
  });
  return firstDifference(Object.fromEntries(found), outputs);
}

export const d2Checks: CaseCheck[] = [
  {
    folder: 'd2',
    inputs: { required: ['X', 'score', 'k'] },
    outputs: { anyOf: ['neighbors', 'graph_score', 'sq_dist', 'selected'] },
    run: runStandby,
  },
  {
    folder: 'd2',
    inputs: { required: ['X', 'importance', 'n_neighbor', 'gamma', 'budget'] },
    outputs: { anyOf: /^(sum|product)\/(weighted|absolute)$/ },
    run: runDensity,
  },
  { folder: 'd2', inputs: { required: [] }, outputs: { anyOf: /^\(\d+, \[[\d, ]*\]\)$/ }, run: runBins },
];
