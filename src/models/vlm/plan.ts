import type { Sequence } from './sequence.ts';

/** A row's tokens after an opening that it may share with others. */
export interface Member {
  sequence: Sequence;
  /** Length of the opening; 0: none. */
  past: number;
  /** Equal for members that share the opening. */
  opening: string;
}

/** Members to compute together: openings of one length, and batches of members that come after them. */
export interface Chunk {
  past: number;
  /** One member for each opening, from which its tokens are taken; empty when `past` is 0. */
  openings: Member[];
  batches: { member: Member; opening: number }[][];
}

export interface PlanOptions {
  /** Most tokens in one run, padding counted. */
  maxTokens: number;
  /** Most numbers that the logits of one run may hold, divided by the vocabulary: asked positions. */
  maxQueries: number;
}

/**
 * Cut members into chunks so that little is padded: openings of one length are never padded at all, and what follows
 * is sorted by length. The plan depends on the members and their order alone, ties stay in order, so the same rows
 * always meet in the same batches.
 */
export function planChunks(members: readonly Member[], options: PlanOptions): Chunk[] {
  const alone = members.filter((member) => member.past === 0);
  const chunks: Chunk[] = batchesOf(
    alone.map((member) => ({ member, opening: 0 })),
    options,
  ).map((batch) => ({ past: 0, openings: [], batches: [batch] }));

  const groups = new Map<string, Member[]>();
  for (const member of members) {
    if (member.past === 0) continue;
    const group = groups.get(member.opening);
    if (group === undefined) groups.set(member.opening, [member]);
    else group.push(member);
  }
  const ordered = [...groups.values()]
    .map((group, order) => ({ group, order, past: group[0]!.past, longest: Math.max(...group.map(rest)) }))
    .sort((a, b) => a.past - b.past || a.longest - b.longest || a.order - b.order);

  let taken: Member[][] = [];
  const flush = (): void => {
    if (taken.length === 0) return;
    const following = taken.flatMap((group, opening) => group.map((member) => ({ member, opening })));
    chunks.push({
      past: taken[0]![0]!.past,
      openings: taken.map((group) => group[0]!),
      batches: batchesOf(following, options),
    });
    taken = [];
  };
  for (const { group, past } of ordered) {
    const full = (taken.length + 1) * past > options.maxTokens;
    if (taken.length > 0 && (full || taken[0]![0]!.past !== past)) flush();
    taken.push(group);
  }
  flush();
  return chunks;
}

function rest(member: Member): number {
  return member.sequence.ids.length - member.past;
}

function batchesOf(items: { member: Member; opening: number }[], options: PlanOptions): Chunk['batches'] {
  const sorted = items
    .map((item, order) => ({ item, order, length: rest(item.member) }))
    .sort((a, b) => a.length - b.length || a.order - b.order);
  const batches: Chunk['batches'] = [];
  let batch: Chunk['batches'][number] = [];
  let queries = 0;
  for (const { item, length } of sorted) {
    const more = item.member.sequence.queries.length;
    const full = (batch.length + 1) * length > options.maxTokens || queries + more > options.maxQueries;
    if (batch.length > 0 && full) {
      batches.push(batch);
      batch = [];
      queries = 0;
    }
    batch.push(item);
    queries += more;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
