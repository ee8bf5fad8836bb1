import { wideOf } from '../../src/numeric/columns.ts';
import { openProducts } from '../../src/numeric/linalg/gemm.ts';
import { gatherRows } from '../../src/numeric/linalg/matrix.ts';
import { wideColumn } from '../../src/select/kit/columns.ts';
import { representativeness, uniqueness } from '../../src/select/methods/datatailor/datatailor-values.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import { leverageScores } from '../../src/select/methods/scalselect/leverage.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, labels, listOf, matrices, numberOf, scalars, toMatrix, vectors } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, toNumbers } from './fixture.ts';
import { byWorker } from './worker-formulas.ts';

/** Leverage of all rows of a matrix, and the number of directions. */
async function runLeverage({ inputs, outputs }: Case): Promise<string | undefined> {
  const { rows, width } = toMatrix(inputs.matrix, 'matrix');
  const input = { rows, columns: { vision_repr: vectors(inputs.matrix, 'matrix') } };
  const energy = numberOf(inputs, 'threshold');
  const products = await openProducts();
  try {
    const how = { energy, isStandardised: true };
    const { k, scores } = await leverageScores(wideColumn(input, 'vision_repr'), () => true, how, products);
    const { kept } = await selectBy('scalselect', input, { energy }, { budget: rows, seed: 42 });
    const { order, ...rest } = outputs;
    const others = order === undefined ? [] : [orderDiffers(order, [...kept], scores)];
    return firstDifference({ k: width === 0 ? 0 : k, score_by_row: [...scores] }, rest, { others });
  } finally {
    await products.release();
  }
}

/** Rows in the order of their scores; which of equal ones is first (the published sort isn't stable) is left open. */
function orderDiffers(expected: unknown, got: readonly number[], scores: ArrayLike<number>): string | undefined {
  const rows = toNumbers(expected, 'order');
  const isPermutation = new Set(rows).size === got.length && rows.every((row) => got.includes(row));
  const along = rows.map((row) => scores[row] ?? Number.NaN);
  const sorted = got.map((row) => scores[row]!);
  return isPermutation && differs('order', sorted, along) === undefined ? undefined : differs('order', expected, got);
}

/** The image tokens that the text looks at, and their mean state. `hidden` is one sample's, `attention` its heads'. */
async function runVisionRepr({ inputs, outputs }: Case): Promise<string | undefined> {
  const heads = listOf(inputs.attention_logits_softmaxed, 'attention').flatMap((sample) =>
    matrices(sample, 'attention'),
  );
  const states = matrices(inputs.hidden, 'hidden')[0] ?? [];
  const vision = toNumbers(inputs.vision_idx, 'vision_idx');
  const share = numberOf(inputs, 'threshold');
  const text = toNumbers(inputs.text_idx, 'text_idx');
  const selected = await byWorker<number[]>('attended_tokens', { heads, text, vision, share });
  const places = selected.map((token) => vision[token]!);
  const second = inputs.second_case_column_attention;
  const found = {
    selected_relative: selected,
    vector: await byWorker<number[]>('mean_state', { states, places }),
    second_case_selected_relative:
      second === undefined
        ? undefined
        : await byWorker<number[]>('attended_tokens', { attention: toNumbers(second, 'second'), share }),
  };
  return firstDifference(found, outputs, { byOutput: { vector: { decimals: 5 } } });
}

/** The published rule on given clusters of each source. */
async function runDatatailor({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.hidden, 'hidden');
  const ends = toNumbers(inputs.source_end_inclusive, 'source_end_inclusive');
  const starts = toNumbers(inputs.source_start, 'source_start');
  const clusterOf = matrices([inputs.cluster_labels_1based], 'cluster_labels_1based')[0]!.flat();
  const informativeness = toNumbers(inputs.informativeness, 'informativeness');
  const representative = new Float64Array(points.rows);
  const unique = new Float64Array(points.rows);
  const source = new Array<string | null>(points.rows).fill(null);
  const products = await openProducts();
  try {
    for (const [s, start] of starts.entries()) {
      const rows = Array.from({ length: ends[s]! - start + 1 }, (_, i) => start + i);
      for (const row of rows) source[row] = `source ${s}`;
      const ids = [...new Set(rows.map((row) => clusterOf[row]!))];
      const clusters = ids.map((id) => rows.filter((row) => clusterOf[row] === id));
      for (const [row, value] of await representativeness(wideOf(points), clusters, informativeness, true))
        representative[row] = value;
      for (const members of clusters) {
        const values = await uniqueness(
          gatherRows(points, members),
          members.map((row) => informativeness[row]!),
          products,
          true,
        );
        for (const [i, row] of members.entries()) unique[row] = values[i]!;
      }
    }
  } finally {
    await products.release();
  }
  const columns = {
    hidden: vectors(inputs.hidden, 'hidden'),
    informativeness: scalars(inputs.informativeness, 'informativeness'),
    tau: scalars(inputs.tau, 'tau'),
    turns: scalars(inputs.turns, 'turns'),
    label: labels(clusterOf, 'cluster_labels_1based'),
  };
  const fraction = numberOf(inputs, 'ratio');
  const { kept } = await selectBy(
    'datatailor',
    { rows: points.rows, columns, source },
    { variant: 'official', labels: 'label' },
    { budget: Math.floor(fraction * points.rows), fraction, seed: 42 },
  );
  const found = { representativeness: [...representative], uniqueness: [...unique], selected: [...kept] };
  // Published distances within clusters of more than 25 rows come of products in single precision.
  return firstDifference(found, outputs, {
    byOutput: { representativeness: { decimals: 5 }, uniqueness: { decimals: 5, tolerance: 1e-4 } },
  });
}

/** Methods that look at hidden states. */
export const representationChecks: CaseCheck[] = [
  {
    folder: 'scalselect',
    inputs: { required: ['matrix', 'threshold'] },
    outputs: { anyOf: ['k', 'order', 'score_by_row'] },
    run: runLeverage,
  },
  {
    folder: 'scalselect',
    inputs: {
      required: ['attention_logits_softmaxed', 'hidden', 'text_idx', 'vision_idx', 'threshold'],
      optional: ['second_case_column_attention'],
    },
    outputs: { anyOf: ['selected_relative', 'vector', 'second_case_selected_relative'] },
    run: runVisionRepr,
  },
  {
    folder: 'datatailor',
    inputs: {
      required: [
        'source_start',
        'source_end_inclusive',
        'hidden',
        'cluster_labels_1based',
        'informativeness',
        'tau',
        'turns',
        'ratio',
      ],
    },
    outputs: { anyOf: ['representativeness', 'uniqueness', 'selected'] },
    run: runDatatailor,
  },
];
