import type { Pool } from './pool.ts';

/** Rows that share a quota: a cluster, a source, a task. */
export interface Group {
  id: number;
  label?: string;
  members: readonly number[];
  /** Members that may be kept, best first. */
  candidates: readonly number[];
}

/** Keeps rows that were picked one after the other; the others were never reached. */
export function keepPicked(pool: Pool, picked: ArrayLike<number>, score?: ArrayLike<number>): void {
  for (const row of pool.rows) {
    const reason = pool.reasons[row]!;
    reason.code = 'not-picked';
    if (score !== undefined) reason.score = score[row]!;
  }
  for (let i = 0; i < picked.length; i++) {
    Object.assign(pool.reasons[picked[i]!]!, { kept: true, code: 'picked', rank: i + 1 });
    pool.kept.push(picked[i]!);
  }
}

/** Keeps the first `taken` candidates of a group, of which its own quota entitles it to `quota`. */
export function keepFromGroup(
  pool: Pool,
  { id, label, members, candidates }: Group,
  quota: number,
  taken: number,
  score?: ArrayLike<number>,
): void {
  for (const row of members) pool.reasons[row]!.cluster = id;
  candidates.forEach((row, i) => {
    const reason = pool.reasons[row]!;
    reason.kept = i < taken;
    reason.rank = i + 1;
    if (score !== undefined) reason.score = score[row]!;
    reason.code = !reason.kept ? 'below-quota' : i < quota ? 'kept-top' : 'redistributed';
    if (reason.kept) pool.kept.push(row);
  });
  const counts = { cluster: id, size: members.length, candidates: candidates.length, quota, kept: taken };
  pool.counts.push(label === undefined ? counts : { ...counts, label });
}

/** Rows of the pool by a label (-1: none), labelled groups in their order and those without a label last. */
export function groupsOf(
  rows: readonly number[],
  groups: ArrayLike<number>,
  labels: readonly (number | string)[],
  unlabelled: string,
): { id: number; label: string; members: number[] }[] {
  const all = labels.map((label, id) => ({ id, label: String(label), members: [] as number[] }));
  const rest = { id: -1, label: unlabelled, members: [] as number[] };
  for (const row of rows) (all[groups[row]!] ?? rest).members.push(row);
  return [...all, rest].filter(({ members }) => members.length > 0);
}
