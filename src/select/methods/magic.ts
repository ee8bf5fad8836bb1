import { z } from 'zod';
import { quantile } from '../../numeric/statistics/statistics.ts';
import { byScore } from '../../numeric/topk.ts';
import { largestRemainder } from '../kit/allocate.ts';
import { labelColumn, scalarColumn } from '../kit/columns.ts';
import { shareOfCount } from '../kit/exact-shares.ts';
import { keepFromGroup } from '../kit/groups.ts';
import { closePool, dropRows, openPool } from '../kit/pool.ts';
import { textOnlyOption } from '../kit/text-only.ts';
import type { Selector, TextOnlyPolicy } from '../selector.ts';

export interface MagicOptions extends Record<string, unknown> {
  gain: string;
  bridging: string;
  signature: string;
  rho: number;
  eta: number;
  temperature: number;
  capShare: number;
  textOnly: TextOnlyPolicy;
}

/** What the three stages decide, rows as given. */
export interface MagicPlan {
  /** Rows with the highest gain, best first. */
  survivors: number[];
  /** q of each survivor, by row. */
  quality: Map<number, number>;
  /** The best survivors by q, best first. */
  shortlist: number[];
  /** Shortlisted rows of each signature, best first; signatures in order of their mass. */
  buckets: { label: number; rows: number[]; mass: number; firstQuota: number }[];
}

/** (x - median) / IQR; the plain distance to the median where the IQR is 0. */
function robust(values: readonly number[]): number[] {
  const middle = quantile(values, 0.5);
  const spread = quantile(values, 0.75) - quantile(values, 0.25);
  return values.map((value) => (value - middle) / (spread > 0 ? spread : 1));
}

/**
 * MAGIC's stages: the rows with the highest gain g stay; q = (g^ + b^) / 2 of robustly scaled gain and bridging; the
 * eta M best are shortlisted and fall into buckets by signature; a bucket's mass is its share of sum e^(q / tau).
 */
export function planMagic(
  rows: readonly number[],
  gain: ArrayLike<number>,
  bridging: ArrayLike<number>,
  signature: ArrayLike<number>,
  budget: number,
  { stays, eta, temperature, capShare }: { stays: number } & Pick<MagicOptions, 'eta' | 'temperature' | 'capShare'>,
): MagicPlan {
  const survivors = [...rows].sort(byScore(gain)).slice(0, stays);
  const g = robust(survivors.map((row) => gain[row]!));
  const b = robust(survivors.map((row) => bridging[row]!));
  const quality = new Map(survivors.map((row, i) => [row, 0.5 * g[i]! + 0.5 * b[i]!]));
  const byQuality = (one: number, other: number): number => quality.get(other)! - quality.get(one)! || one - other;
  const shortlist = [...survivors].sort(byQuality).slice(0, shareOfCount(eta, budget));
  const highest = quality.get(shortlist[0]!) ?? 0;
  const found = new Map<number, { label: number; rows: number[]; mass: number; firstQuota: number }>();
  for (const row of shortlist) {
    const label = signature[row]!;
    const bucket = found.get(label) ?? { label, rows: [], mass: 0, firstQuota: 0 };
    bucket.rows.push(row);
    bucket.mass += Math.exp((quality.get(row)! - highest) / temperature);
    found.set(label, bucket);
  }
  // Of the buckets' sums and not of all rows', so that a bucket alone has a share of exactly 1.
  const total = [...found.values()].reduce((sum, { mass }) => sum + mass, 0);
  for (const bucket of found.values()) bucket.mass /= total;
  const buckets = [...found.values()].sort((one, other) => other.mass - one.mass || one.rows[0]! - other.rows[0]!);
  for (const bucket of buckets) {
    bucket.firstQuota = Math.min(
      bucket.rows.length,
      shareOfCount(capShare, budget, 'ceil'),
      Math.floor(budget * bucket.mass),
    );
  }
  return { survivors, quality, shortlist, buckets };
}

/** MAGIC: rows that use their image, spread over what happens inside the model. */
export const magic: Selector<MagicOptions> = {
  name: 'magic',
  order: 220,
  version: 1,
  title: 'MAGIC: gain, bridging and neuron signatures',
  source: 'MAGIC, arXiv 2605.26004 (2026); no code was published',
  summary:
    'Keeps rows whose image lowers the loss and is attended to sharply, spread over groups that excite the same neurons.',
  formula: [
    'gain g = L_blind − L_mm; bridging b = attention to the image × its sharpness',
    'keep the top ρ = 0.6 by g; q = ½ ĝ + ½ b̂ (robustly scaled); shortlist the best 2M',
    'buckets B by neuron signature: mass p_B ∝ Σ exp(q / 0.2)',
    'first min(|B|, ⌈0.05 M⌉, ⌊M p_B⌋), the rest by largest remainder; the best q in each',
  ].join('\n'),
  options: z.strictObject({
    gain: z
      .string()
      .min(1)
      .default('necessity')
      .describe('column of g, loss without the image minus with it, nats/token'),
    bridging: z.string().min(1).default('bridging').describe('column of b, attention to the image times its sharpness'),
    signature: z.string().min(1).default('signature').describe('column of labels: ids of the most active neurons'),
    rho: z.coerce.number().gt(0).max(1).default(0.6).describe('share of the rows that stays, by gain'),
    eta: z.coerce.number().min(1).default(2).describe('the shortlist is this many budgets long'),
    temperature: z.coerce.number().positive().default(0.2).describe('tau of the mass e^(q / tau)'),
    capShare: z.coerce
      .number()
      .gt(0)
      .max(1)
      .default(0.05)
      .describe('share of the budget that a signature is given at most in the first round'),
    textOnly: textOnlyOption.default('proportional'),
  }),
  needs: ({ gain, bridging, signature }) => [gain, bridging, signature],
  async select(input, options, context) {
    const gain = scalarColumn(input, options.gain);
    const bridging = scalarColumn(input, options.bridging);
    const { groups, labels } = labelColumn(input, options.signature);
    const pool = openPool(input, options.textOnly, context);
    dropRows(
      pool,
      'nan',
      'have no finite gain and bridging',
      (row) => !Number.isFinite(gain[row]) || !Number.isFinite(bridging[row]),
    );
    const budget = Math.min(pool.budget, pool.rows.length);
    // A share that leaves fewer rows than the budget would make it unreachable.
    const stays = Math.max(shareOfCount(options.rho, pool.rows.length), budget);
    const plan = planMagic(pool.rows, gain, bridging, groups, budget, { ...options, stays });
    const { survivors, quality, shortlist, buckets } = plan;
    const first = buckets.map(({ firstQuota }) => firstQuota);
    const { taken: more } = largestRemainder(
      buckets.map(({ mass }) => mass),
      budget - first.reduce((sum, n) => sum + n, 0),
      buckets.map(({ rows }, i) => rows.length - first[i]!),
    );
    const taken = first.map((n, i) => n + more[i]!);
    const score = Float64Array.from({ length: input.rows }, (_, row) => quality.get(row) ?? Number.NaN);
    const clusters = new Int32Array(input.rows).fill(-1);
    for (const row of pool.rows) clusters[row] = groups[row]!;
    const shortlisted = new Set(shortlist);
    const isSurvivor = new Set(survivors);
    const rest = pool.rows.filter((row) => !shortlisted.has(row));
    const isLeft = rest.length > 0 ? survivors.filter((row) => !shortlisted.has(row)).sort(byScore(score)) : [];
    buckets.forEach(({ label, rows }, i) => {
      const name = label < 0 ? 'no signature' : String(labels[label]);
      keepFromGroup(pool, { id: label, label: name, members: rows, candidates: rows }, taken[i]!, taken[i]!, score);
    });
    for (const row of rest) {
      if (isSurvivor.has(row)) continue;
      Object.assign(pool.reasons[row]!, { code: 'out-of-range', score: gain[row]! });
    }
    keepFromGroup(pool, { id: -1, label: 'not shortlisted', members: rest, candidates: isLeft }, 0, 0, score);
    return closePool(pool, { method: 'magic', options, order: 'row', clusters }, input, context);
  },
};
