import { setImmediate } from 'node:timers/promises';
import { createRandom } from '../../numeric/philox.ts';
import { mean, quantile, standardDeviation } from '../../numeric/statistics/statistics.ts';
import { type MetricAccumulator, measure } from './quantities.ts';

/** Quantities of random subsets of one size: `values[q][r]` is quantity q of draw r. */
export interface NullDraws {
  size: number;
  values: Float64Array[];
}

/**
 * Rows that are drawn at most. So many follow the normal law that larger subsets follow, but for quantities that a
 * handful of rows in the pool make.
 */
const MOST_DRAWN = 20_000;

/**
 * Quantities of random subsets of several sizes. Each draw shuffles the pool; its first n rows are a uniform subset of
 * size n, so that one shuffle serves all sizes. A subset of more than `most` rows is drawn as one of `most` rows, whose
 * distance from the pool is scaled to what subsets of size n have, exact in the second moment of means: sigma^2 / n (N
 * - n) / (N - 1) (Cochran, Sampling Techniques, 1977, theorem 2.2).
 *
 * @param sizes ascending, distinct, at most the pool's
 */
export async function drawNull(
  pool: Int32Array,
  accumulator: MetricAccumulator,
  sizes: readonly number[],
  draws: number,
  seed: number,
  {
    signal,
    progress,
    most = MOST_DRAWN,
  }: { signal?: AbortSignal; progress?: (done: number, total: number, what: string) => void; most?: number } = {},
): Promise<NullDraws[]> {
  const whole = measure(accumulator, pool);
  const N = pool.length;
  const parts = sizes.map((n) => {
    const m = Math.min(n, most);
    return { drawn: m, scale: n === m ? 1 : Math.sqrt(((N - n) * m) / ((N - m) * n)) };
  });
  const all = sizes.map((size) => ({
    size,
    values: Array.from({ length: accumulator.quantities }, () => new Float64Array(draws)),
  }));
  const random = createRandom(seed, 'arena/permutation');
  const rows = pool.slice();
  const longest = parts.at(-1)?.drawn ?? 0;
  for (let r = 0; r < draws; r++) {
    if (r % 16 === 0) {
      // Lets Ctrl-C and the progress bar have their turn.
      await setImmediate();
      signal?.throwIfAborted();
      progress?.(r, draws, 'drawing random subsets');
    }
    accumulator.reset();
    // Going on from the last shuffle is as uniform as beginning anew.
    for (let i = 0; i < longest; i++) {
      const j = i + random.below(rows.length - i);
      const held = rows[i]!;
      rows[i] = rows[j]!;
      rows[j] = held;
    }
    all.forEach(({ values }, s) => {
      const { drawn, scale } = parts[s]!;
      accumulator.add(rows, s === 0 ? 0 : parts[s - 1]!.drawn, drawn);
      values.forEach((own, q) => {
        own[r] = scale === 1 ? accumulator.value(q) : whole[q]! + scale * (accumulator.value(q) - whole[q]!);
      });
    });
  }
  progress?.(draws, draws, 'drawing random subsets');
  return all;
}

/** Relative spread below which a quantity is constant but for the rounding of its sums. */
const ROUNDING = 1e-9;

/** One quantity of a subset beside random subsets of its size. */
export interface QuantityDistance {
  value: number;
  /** Mean of the random subsets, and the range that 95 % of them lie in. */
  random: number;
  lo: number;
  hi: number;
  /** (value - random) / standard deviation of the random subsets; NaN where they don't differ. */
  z: number;
  /** Beyond what the largest |z| of a random subset reaches in 95 of 100 cases: holds for all quantities together. */
  outside: boolean;
}

/** How far a subset is from random, over all quantities. */
export interface Distance {
  quantities: QuantityDistance[];
  /** D: the largest |z|. */
  value: number;
  /** D of random subsets of the same size: its mean and the range that 95 % lie in. */
  random: number;
  lo: number;
  hi: number;
  /** Share of random subsets at least as far, (1 + #{D_r >= D}) / (1 + draws). */
  p: number;
}

/**
 * Distance of a subset from random subsets of its size: D = max over quantities of |z| (Westfall and Young's max
 * statistic, single step), which is compared with the D of each random subset, so that looking at many quantities at
 * once is paid for, however they depend on each other.
 *
 * @param observed one number a quantity
 */
export function distanceFrom(draws: NullDraws, observed: readonly number[]): Distance {
  const centres = draws.values.map((values) => mean(values));
  const spreads = draws.values.map((values) => standardDeviation(values));
  const z = (q: number, value: number): number =>
    spreads[q]! > ROUNDING * Math.abs(centres[q]!) ? (value - centres[q]!) / spreads[q]! : Number.NaN;
  const largest = (of: (q: number) => number): number => {
    let best = 0;
    for (let q = 0; q < spreads.length; q++) {
      const size = Math.abs(of(q));
      if (size > best) best = size;
    }
    return best;
  };
  const count = draws.values[0]?.length ?? 0;
  const nulls = Float64Array.from({ length: count }, (_, r) => largest((q) => z(q, draws.values[q]![r]!)));
  const value = largest((q) => z(q, observed[q]!));
  const limit = quantile(nulls, 0.95);
  const atLeast = nulls.reduce((n, one) => n + (one >= value ? 1 : 0), 0);
  return {
    quantities: observed.map((one, q) => ({
      value: one,
      random: centres[q]!,
      lo: quantile(draws.values[q]!, 0.025),
      hi: quantile(draws.values[q]!, 0.975),
      z: z(q, one),
      outside: Math.abs(z(q, one)) > limit,
    })),
    value,
    random: mean(nulls),
    lo: quantile(nulls, 0.025),
    hi: quantile(nulls, 0.975),
    p: (1 + atLeast) / (1 + count),
  };
}

/**
 * Holm's step-down correction: p-values of m tests made at once, in their order; controls the chance of any false
 * alarm.
 */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[a]! - p[b]!);
  const adjusted = new Array<number>(p.length);
  let running = 0;
  order.forEach((i, rank) => {
    running = Math.max(running, Math.min(1, (p.length - rank) * p[i]!));
    adjusted[i] = running;
  });
  return adjusted;
}
