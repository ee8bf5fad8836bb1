import { z } from 'zod';
import type { Matrix } from '../../numeric/linalg/matrix.ts';
import { rankRows } from '../../numeric/topk.ts';
import { forwardPass } from '../../signals/engine/cost-model.ts';
import { roundOverBins } from '../kit/allocate-published.ts';
import { textColumn, vectorColumn } from '../kit/columns.ts';
import { finiteRows } from '../kit/finite-rows.ts';
import { keepPicked } from '../kit/groups.ts';
import { closePool, countAsOneGroup, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface MmssrOptions extends Record<string, unknown> {
  variant: 'paper' | 'official';
  capabilities: string;
  styles: string;
  above: number;
  textOnly: TextOnlyPolicy;
}

/** Style of rows that have none. */
const NO_STYLE = 'no style';

/**
 * Bins by label, labels in alphabetical order; a row lies in as many as it has labels.
 *
 * @param ranked rows, best first
 * @param labels of each row, an empty one being none
 * @param isStacked within a bin first the rows of which it is the first label, then those of which it is the second,
 * and so on, as published; and one that has the label twice counts twice; else the best first
 */
export function binsOf(
  ranked: ArrayLike<number>,
  labels: readonly (readonly string[])[],
  isStacked: boolean,
): number[][] {
  const bins = new Map<string, { row: number; place: number; rank: number }[]>();
  for (let rank = 0; rank < ranked.length; rank++) {
    for (const [place, label] of labels[ranked[rank]!]!.entries()) {
      if (label === '') continue;
      const bin = bins.get(label) ?? [];
      bins.set(label, bin);
      bin.push({ row: ranked[rank]!, place, rank });
    }
  }
  const names = [...bins.keys()].sort();
  return names.map((name) => {
    const bin = bins.get(name)!;
    if (!isStacked) return [...new Set(bin.map(({ row }) => row))];
    return bin.sort((a, b) => a.place - b.place || a.rank - b.rank).map(({ row }) => row);
  });
}

/**
 * mmSSR: capabilities take turns; each asks for an equal share of what is missing, of rows that score above a threshold
 * in it, best first, spread over bins. Again until the budget is used; a capability that gives nothing drops out.
 *
 * @param ranked rows of each capability above its threshold, best first
 * @returns rows in the order in which they were taken; the published rule may take more than `budget`
 */
function pickInTurns(
  ranked: readonly Int32Array[],
  labels: readonly (readonly string[])[],
  budget: number,
  isOfficial: boolean,
): number[] {
  const chosen = new Set<number>();
  const bins = ranked.map((rows) => binsOf(rows, labels, isOfficial));
  let open = [...ranked.keys()];
  while (chosen.size < budget && open.length > 0) {
    const share = Math.max(Math.floor((budget - chosen.size) / open.length), 1);
    const spent = new Set<number>();
    for (const capability of open) {
      const left = bins[capability]!.map((rows) => rows.filter((row) => !chosen.has(row)));
      bins[capability] = left.filter((rows) => rows.length > 0);
      const wanted = Math.min(share, budget - chosen.size);
      const given = roundOverBins(bins[capability]!, wanted, chosen, !isOfficial);
      if (given.length === 0) spent.add(capability);
      if (chosen.size >= budget) break;
    }
    open = open.filter((capability) => !spent.has(capability));
  }
  return [...chosen];
}

const RATINGS = forwardPass('ratings', 'a tuned model rates the sample');

/** mmSSR: rows that are rich in a capability, of every style and source. */
export const mmssr: Selector<MmssrOptions> = {
  name: 'mmssr',
  order: 340,
  version: 1,
  title: 'mmSSR: rich in capabilities, of all styles',
  source: 'mmSSR, Lyu et al., arXiv 2503.13383 (2025); code lyumengyao/mmssr at 3a7e662',
  summary:
    'Lets every capability that a tuned model has rated take turns in choosing the rows that score highest in it, spread over styles of interaction and sources.',
  formula: [
    'capabilities take turns: each asks for an equal share of what is missing',
    'of rows that score above 0 in it, best first, spread over bins of style × source, the smallest bin first',
  ].join('\n'),
  deviations: [
    'P2: the debt of empty bins is paid whole by the last one and may exceed the budget',
    'P5: rows without a style are never kept',
    'Rows of which the style is the first come before the others whatever their score',
  ],
  options: z.strictObject({
    variant: z
      .enum(['paper', 'official'])
      .default('paper')
      .describe(
        'paper: the best row of a bin first, never more than the budget; official: the published code, rows of a first style before those of a second, the last bin pays the whole debt, rows without a style are left out',
      ),
    capabilities: z
      .string()
      .min(1)
      .default('capabilities')
      .describe('column of scores, one a capability, 0 to 5 as rated'),
    styles: z
      .string()
      .min(1)
      .default('styles')
      .describe('column of styles of interaction, as text, with commas between'),
    above: z.coerce.number().default(0).describe('only rows that score above this in a capability stand for it'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  elsewhere: { capabilities: [RATINGS], styles: [RATINGS] },
  needs: ({ capabilities, styles }) => [capabilities, styles],
  async select(input, options, context) {
    const scores = vectorColumn(input, options.capabilities);
    const styles = textColumn(input, options.styles);
    const isOfficial = options.variant === 'official';
    const labels = styles.map((text, row) => {
      const own = (text ?? '')
        .split(',')
        .map((style) => style.trim())
        .filter((style) => style !== '');
      const all = own.length === 0 && !isOfficial ? [NO_STYLE] : [...new Set(own)];
      return all.map((style) => `${style}+${input.source?.[row] ?? ''}`);
    });
    const pool = openPool(input, options.textOnly, context);
    const size = pool.rows.length;
    const isWhole = finiteRows(scores);
    dropRows(pool, 'nan', `have no finite \`${options.capabilities}\``, (row) => !isWhole(row));
    dropRows(pool, 'no-cluster', `have no \`${options.styles}\``, (row) => labels[row]!.length === 0);
    const best = bestScores(scores);
    dropRows(
      pool,
      'below-minimum',
      `score above ${options.above} in no capability`,
      (row) => !(best[row]! > options.above),
    );
    for (const row of pool.rows) pool.reasons[row]!.score = best[row]!;
    const ranked = Array.from({ length: scores.width }, (_, capability) => {
      const own = Float32Array.from({ length: scores.rows }, (_, row) => scores.data[row * scores.width + capability]!);
      return rankRows(
        pool.rows.filter((row) => own[row]! > options.above),
        own,
      );
    });
    const picked = pickInTurns(ranked, labels, Math.min(pool.budget, pool.rows.length), isOfficial);
    keepPicked(pool, picked, best);
    countAsOneGroup(pool, size, picked.length);
    if (picked.length > pool.budget) {
      pool.notes.push(
        `${picked.length - pool.budget} rows more than asked for: the last bin paid the debt of the others.`,
      );
    }
    return closePool(pool, { method: 'mmssr', options, order: 'rank' }, input, context);
  },
};

/** Largest score of each row. */
function bestScores({ data, rows, width }: Matrix): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) =>
    data
      .subarray(row * width, (row + 1) * width)
      .reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY),
  );
}
