/** Runs at most: by then the count is exact on small data, and within a fraction of a per cent on any. */
const MOST_RUNS = 12;
/** What may stay unused of the limit, so that a method isn't run again for a sample or two of a million. */
const SLACK = 0.001;

/**
 * The largest count whose subset costs no more than `limit`: a method takes a count, and what the samples that it keeps
 * cost is known only afterwards. Each run corrects the count by the mean cost of the last one; a result is used only as
 * it was run, so that the limit always holds. Undefined where even `least` costs more.
 *
 * @param guess the first count to try
 */
export async function fitCount<T>(
  limit: number,
  { least, most, guess }: { least: number; most: number; guess: number },
  run: (count: number) => Promise<T>,
  cost: (result: T) => number,
): Promise<{ count: number; result: T } | undefined> {
  let best: { count: number; result: T } | undefined;
  let below = least - 1;
  let above = most + 1;
  let next = clamp(guess, least, most);
  for (let runs = 0; runs < MOST_RUNS || best === undefined; runs++) {
    const result = await run(next);
    const spent = cost(result);
    if (spent <= limit) {
      below = next;
      best = { count: next, result };
      if (limit - spent <= SLACK * limit) break;
    } else above = next;
    if (above - below <= 1) break;
    const mean = spent / Math.max(1, next);
    const corrected = next + Math.trunc((limit - spent) / Math.max(mean, Number.MIN_VALUE));
    // Interpolation that no longer gets anywhere gives way to halving.
    next = runs < MOST_RUNS / 2 ? clamp(corrected, below + 1, above - 1) : (below + above) >> 1;
  }
  return best;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, Math.floor(value)));
}
