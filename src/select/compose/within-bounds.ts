/** Rows of one source among those that can be chosen, and how many of them must and may be. */
export interface BoundedGroup {
  /** Ascending. */
  rows: Int32Array;
  least: number;
  most: number;
}

/** What was picked from the rows of some groups. */
export interface GroupPick<T> {
  /** Indices of the groups that were picked from together. */
  groups: number[];
  /** Places that it was picked for. */
  count: number;
  picked: T;
}

/**
 * Picks `budget` rows so that every group gives at least `least` and at most `most`, by a method that knows nothing of
 * groups. The method picks from all groups together; a group below its floor is then picked from by itself, for exactly
 * its floor, and the others again for what is left; when all floors hold, the same for groups above their limit, after
 * which those at their floor are free again, since there are more places. So the method's own choice stands wherever no
 * bound is touched. Places that a group can't fill go to the groups that are free.
 *
 * Floors come first: if they sum to the budget or less, no later step can break one. Every limit is reached once, so it
 * ends.
 */
export async function pickWithinBounds<T extends { kept: Int32Array }>(
  groups: readonly BoundedGroup[],
  budget: number,
  pick: (rows: Int32Array, count: number) => Promise<T>,
): Promise<GroupPick<T>[]> {
  const fixed = new Map<number, GroupPick<T>>();
  const atFloor = new Set<number>();
  const fix = async (g: number, count: number): Promise<void> => {
    const places = Math.min(count, groups[g]!.rows.length);
    fixed.set(g, { groups: [g], count: places, picked: await pick(groups[g]!.rows, places) });
  };
  for (const [g, { least, most }] of groups.entries()) if (least === most) await fix(g, least);
  for (;;) {
    const open = [...groups.keys()].filter((g) => !fixed.has(g));
    const taken = [...fixed.values()].reduce((sum, { picked }) => sum + picked.kept.length, 0);
    const count = Math.max(0, budget - taken);
    if (open.length === 0) return ordered(fixed);
    const rows = joinRows(open.map((g) => groups[g]!.rows));
    const picked = await pick(rows, Math.min(count, rows.length));
    const counts = countByGroup(groups, open, picked.kept);
    const low = open.filter((g) => counts.get(g)! < Math.min(groups[g]!.least, groups[g]!.rows.length));
    const high = open.filter((g) => counts.get(g)! > groups[g]!.most);
    for (const g of low) {
      await fix(g, groups[g]!.least);
      atFloor.add(g);
    }
    if (low.length > 0) continue;
    for (const g of high) await fix(g, groups[g]!.most);
    if (high.length > 0) {
      for (const g of atFloor) fixed.delete(g);
      atFloor.clear();
    } else return [{ groups: open, count, picked }, ...ordered(fixed)];
  }
}

function ordered<T>(fixed: ReadonlyMap<number, GroupPick<T>>): GroupPick<T>[] {
  return [...fixed].sort(([a], [b]) => a - b).map(([, pick]) => pick);
}

/** Rows of several groups together, ascending. */
function joinRows(parts: readonly Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined.sort();
}

function countByGroup(
  groups: readonly BoundedGroup[],
  open: readonly number[],
  kept: Int32Array,
): ReadonlyMap<number, number> {
  const isKept = new Set(kept);
  return new Map(open.map((g) => [g, groups[g]!.rows.reduce((n, row) => n + (isKept.has(row) ? 1 : 0), 0)]));
}
