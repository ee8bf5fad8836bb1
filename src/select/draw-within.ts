import type { SourceBound } from './source-bounds.ts';

/** What a selection was bound to beside its size, for random subsets that are held against it. */
export interface DrawLimits {
  /** Rows that every subset holds. */
  always: Int32Array;
  /** Source of each row, and how many some sources must and may give. */
  sources: readonly string[];
  bounds: ReadonlyMap<string, SourceBound>;
  /** Tokens of each row and what a subset may cost, instead of a number of rows. */
  cost?: { tokens: Float64Array; limit: number };
}

/**
 * The first rows of an order that fit: first what the floors of sources ask for, then the rest, until `budget` rows are taken or the next would cost
 * too much. (To pass over it and take a shorter one would make long rows rare.)
 *
 * @param order rows of the pool at random, those always kept left out
 * @returns ascending
 */
export function drawWithin(
  order: Int32Array,
  budget: number,
  { always, sources, bounds, cost }: DrawLimits,
): Int32Array {
  const taken = new Set(always);
  const given = new Map<string, number>();
  const count = (row: number): number => given.get(sources[row]!) ?? 0;
  let spent = 0;
  const take = (row: number): void => {
    taken.add(row);
    given.set(sources[row]!, count(row) + 1);
    spent += cost?.tokens[row] ?? 0;
  };
  for (const row of always) take(row);
  const fill = (isWanted: (row: number) => boolean): void => {
    for (const row of order) {
      if (taken.size >= budget) return;
      if (taken.has(row) || !isWanted(row)) continue;
      if (cost !== undefined && spent + cost.tokens[row]! > cost.limit) return;
      take(row);
    }
  };
  if (bounds.size > 0) fill((row) => count(row) < (bounds.get(sources[row]!)?.least ?? 0));
  fill((row) => count(row) < (bounds.get(sources[row]!)?.most ?? Number.POSITIVE_INFINITY));
  return Int32Array.from(taken).sort();
}
