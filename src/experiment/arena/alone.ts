/** What one method does that the others don't. */
export interface Alone {
  /** Rows that it keeps and no other method does. */
  picked: number;
  /** Rows that every other method keeps and it drops. */
  dropped: number;
  /** Rows that it keeps, those that the fewest others keep first. `votes`: how many others do. */
  odd: { row: number; votes: number }[];
  /** Rows that it drops, those that the most others keep first; none that no other keeps. */
  missed: { row: number; votes: number }[];
}

/**
 * For each subset the rows that set it apart from the others; ties of votes go to the earlier row.
 *
 * @param subsets distinct rows each
 * @param eligible 1 for rows that a method could have kept: only those can be missed
 * @param most rows listed each way
 */
export function standAlone(subsets: readonly Int32Array[], eligible: Uint8Array, most: number): Alone[] {
  const votes = new Int32Array(eligible.length);
  for (const subset of subsets) for (const row of subset) votes[row]!++;
  const others = subsets.length - 1;
  return subsets.map((subset) => {
    const own = new Uint8Array(eligible.length);
    for (const row of subset) own[row] = 1;
    const odd: { row: number; votes: number }[] = [];
    const missed: { row: number; votes: number }[] = [];
    for (let row = 0; row < votes.length; row++) {
      if (own[row] === 1) odd.push({ row, votes: votes[row]! - 1 });
      else if (eligible[row] === 1 && votes[row]! > 0) missed.push({ row, votes: votes[row]! });
    }
    odd.sort((a, b) => a.votes - b.votes || a.row - b.row);
    missed.sort((a, b) => b.votes - a.votes || a.row - b.row);
    return {
      picked: others === 0 ? 0 : odd.filter((one) => one.votes === 0).length,
      dropped: others === 0 ? 0 : missed.filter((one) => one.votes === others).length,
      odd: odd.slice(0, most),
      missed: missed.slice(0, most),
    };
  });
}
