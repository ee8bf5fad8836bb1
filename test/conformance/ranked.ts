import { hesselScore, rowCosines } from '../../src/select/methods/clip-score.ts';
import { selectBy } from '../../src/select/methods/find.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, matrices, scalars, toMatrix, vectors } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumber, toNumbers } from './fixture.ts';
import { byWorker } from './worker-formulas.ts';

/** `keep_max_scores`, `keep_min_scores` and `offset<n>`: subsets of `size` rows, listed by row. */
async function runSubsets({ inputs, outputs }: Case): Promise<string | undefined> {
  const column = scalars(inputs.scores, 'scores');
  const budget = toNumber(inputs.size, 'size');
  for (const [key, expected] of Object.entries(outputs)) {
    const offset = Number(/^offset(\d+)$/.exec(key)?.[1] ?? 0);
    const options = key === 'keep_max_scores' ? { keep: 'max' } : { keep: 'min', offset };
    const input = { rows: column.data.length, columns: { el2n: column } };
    const { kept } = await selectBy('el2n', input, options, { budget, seed: 42 });
    const difference = differs(key, expected, [...kept]);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Scores of responses from their logits; the official AUM broadcasts to a matrix, whose mean is the same. */
async function runTokens({ inputs, outputs }: Case): Promise<string | undefined> {
  const { logits, labels } = inputs;
  if (!Array.isArray(logits) || !Array.isArray(labels)) throw new TypeError('logits and labels are no lists');
  const scores = await byWorker<Record<'el2n' | 'aum' | 'nll', number>[]>('token_scores', {
    logits: logits.map((response, i) => matrices([response], `logits[${i}]`)[0]),
    labels: labels.map((row, i) => toNumbers(row, `labels[${i}]`)),
  });
  const found: Record<string, number[]> = {
    el2n: scores.map(({ el2n }) => el2n),
    aum_as_official_broadcast: scores.map(({ aum }) => aum),
    aum_elementwise: scores.map(({ aum }) => aum),
    mean_nll: scores.map(({ nll }) => nll),
    ppl: scores.map(({ nll }) => Math.exp(nll)),
  };
  return firstDifference(found, outputs);
}

async function runClip({ inputs, outputs }: Case): Promise<string | undefined> {
  const image = toMatrix(inputs.image, 'image');
  const cosine = [...rowCosines(image, toMatrix(inputs.text, 'text'))];
  const { kept } = await selectBy(
    'clip-score',
    {
      rows: image.rows,
      columns: { clip_image: vectors(inputs.image, 'image'), clip_text: vectors(inputs.text, 'text') },
    },
    { using: 'embeddings' },
    { budget: toNumber(inputs.n, 'n'), seed: 42 },
  );
  const found: Record<string, unknown> = { cosine, hessel: cosine.map(hesselScore), selected_in_order: [...kept] };
  return firstDifference(found, outputs);
}

/** One output for each budget: both windows with their first ranks. */
async function runWindows({ inputs, outputs }: Case): Promise<string | undefined> {
  const column = scalars(inputs.mean_nll, 'mean_nll');
  const input = { rows: column.data.length, columns: { nll_mm: column } };
  for (const [size, expected] of Object.entries(outputs)) {
    const found: Record<string, unknown> = {};
    for (const [variant, start, rows] of [
      ['paper', 'centred_start', 'centred'],
      ['official', 'hamishivi_start', 'hamishivi_desc_window'],
    ] as const) {
      const { kept, reasons } = await selectBy('mid-ppl', input, { variant }, { budget: Number(size), seed: 42 });
      found[rows] = [...kept];
      found[start] = Math.min(...reasons.filter((reason) => reason.kept).map(({ rank }) => rank! - 1));
    }
    const wanted = isRecord(expected) ? expected : {};
    const difference = firstDifference(found, wanted);
    if (difference !== undefined) return `${size}.${difference}`;
  }
  return undefined;
}

/** Methods that rank the pool by one number. */
export const rankedChecks: CaseCheck[] = [
  {
    folder: 'el2n',
    inputs: { required: ['scores', 'size'] },
    outputs: { anyOf: /^(keep_(max|min)_scores|offset\d+)$/ },
    run: runSubsets,
  },
  {
    folder: 'el2n',
    inputs: { required: ['logits', 'labels'] },
    outputs: { anyOf: ['el2n', 'aum_as_official_broadcast', 'aum_elementwise', 'mean_nll', 'ppl'] },
    run: runTokens,
  },
  {
    folder: 'clipscore',
    inputs: { required: ['image', 'text', 'n'] },
    outputs: { anyOf: ['cosine', 'hessel', 'selected_in_order'] },
    run: runClip,
  },
  { folder: 'midppl', inputs: { required: ['mean_nll'] }, outputs: { anyOf: /^\d+$/ }, run: runWindows },
];
