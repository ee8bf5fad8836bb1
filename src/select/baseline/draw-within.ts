import type { SourceBound } from '../compose/source-rules.ts';

/** What a selection was bound to beside its size, for random subsets that are held against it. */
export interface DrawLimits {
  /** Rows that every subset holds. */
  always: Int32Array;
  /** Bound of each row's source: an index of `bounds`; -1 where it has none. */
  groups: Int32Array;
  bounds: readonly SourceBound[];
  /** Tokens of each row and what a subset may cost, instead of a number of rows. */
  cost?: { tokens: Float64Array; limit: number };
}

/**
 * The first rows of an order that fit: first what the floors of sources ask for, then the rest, until `budget` rows are
 * taken or the next would cost too much. (To pass over it and take a shorter one would make long rows rare.)
 *
 * @param order rows of the pool at random, those always kept left out
 * @returns ascending
 */
export function drawWithin(
  order: Int32Array,
  budget: number,
  { always, groups, bounds, cost }: DrawLimits,
): Int32Array {
  const isTaken = new Uint8Array(groups.length);
  const given = new Int32Array(bounds.length);
  let count = 0;
  let spent = 0;
  const take = (row: number): void => {
    isTaken[row] = 1;
    if (groups[row]! >= 0) given[groups[row]!]!++;
    count++;
    spent += cost?.tokens[row] ?? 0;
  };
  for (const row of always) take(row);
  const fill = (isWanted: (group: number) => boolean): void => {
    for (const row of order) {
      if (count >= budget) return;
      if (isTaken[row] === 1 || !isWanted(groups[row]!)) continue;
      if (cost !== undefined && spent + cost.tokens[row]! > cost.limit) return;
      take(row);
    }
  };
  if (bounds.length > 0) fill((group) => group >= 0 && given[group]! < bounds[group]!.least);
  fill((group) => group < 0 || given[group]! < bounds[group]!.most);
  const drawn = new Int32Array(count);
  for (let row = 0, n = 0; n < count; row++) if (isTaken[row] === 1) drawn[n++] = row;
  return drawn;
}
