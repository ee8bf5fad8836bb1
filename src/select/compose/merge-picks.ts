import type { ClusterCount, Reason, Selection } from '../selector.ts';

/** What a method made of some of the rows, in rows of the whole pool. */
export interface StagePick {
  kept: Int32Array;
  /** Of the rows it saw. */
  reasons: Reason[];
  perCluster: ClusterCount[];
  notes: string[];
  /** The options in force, where the method was run. */
  options?: Selection['options'];
  /** Cluster of each row of the whole pool; -1: none. */
  clusters?: Int32Array;
  /** Why rows are missing. */
  because?: string;
}

/**
 * Picks from several groups of rows as one: rows in the order of the groups, or by row where the method lists them so.
 * Clusters are of a group; where groups would share a number, later ones are numbered on.
 *
 * @param rows of the whole pool
 */
export function mergePicks(picks: readonly StagePick[], rows: number): StagePick {
  if (picks.length === 1) return picks[0]!;
  const kept = picks.flatMap((pick) => [...pick.kept]);
  const isByRow = picks.every((pick) => pick.kept.every((row, i) => i === 0 || row > pick.kept[i - 1]!));
  if (isByRow) kept.sort((a, b) => a - b);
  const merged: StagePick = { kept: Int32Array.from(kept), reasons: [], perCluster: [], notes: [] };
  const because = new Set<string>();
  let next = 0;
  for (const pick of picks) {
    const offset = next;
    const renumber = (cluster: number): number => (cluster < 0 ? cluster : cluster + offset);
    for (const count of pick.perCluster) {
      merged.perCluster.push({ ...count, cluster: renumber(count.cluster) });
      next = Math.max(next, renumber(count.cluster) + 1);
    }
    for (const reason of pick.reasons) {
      merged.reasons.push(reason.cluster === undefined ? reason : { ...reason, cluster: renumber(reason.cluster) });
    }
    if (pick.clusters !== undefined) {
      merged.clusters ??= new Int32Array(rows).fill(-1);
      for (const { row } of pick.reasons) merged.clusters[row] = renumber(pick.clusters[row]!);
    }
    merged.notes.push(...pick.notes);
    if (pick.because !== undefined) because.add(pick.because);
    if (pick.options !== undefined) merged.options ??= pick.options;
  }
  if (because.size > 0) merged.because = [...because].join('; ');
  return merged;
}
