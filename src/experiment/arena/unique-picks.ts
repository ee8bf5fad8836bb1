/** What one method does that the others don't. */
export interface UniquePicks {
  /** Rows that it keeps and no other method does. */
  picked: number;
  /** Rows that every other method keeps and it drops. */
  dropped: number;
  /** Rows that it keeps, those that the fewest others keep first. `votes`: how many others do. */
  odd: Voted[];
  /** Rows that it drops, those that the most others keep first; none that no other keeps. */
  missed: Voted[];
}

interface Voted {
  row: number;
  votes: number;
}

/**
 * For each subset the rows that set it apart from the others; ties of votes go to the earlier row.
 *
 * @param subsets distinct rows each
 * @param eligible 1 for rows that a method could have kept: only those can be missed
 * @param most rows listed each way
 */
export function uniquePicks(subsets: readonly Int32Array[], eligible: Uint8Array, most: number): UniquePicks[] {
  const votes = new Int32Array(eligible.length);
  for (const subset of subsets) for (const row of subset) votes[row]!++;
  const others = subsets.length - 1;
  const own = new Uint8Array(eligible.length);
  return subsets.map((subset) => {
    own.fill(0);
    for (const row of subset) own[row] = 1;
    // Counted by votes and not sorted: nearly all rows of a large pool are missed by some method.
    const odd = openTally(others, most);
    const missed = openTally(others, most);
    for (let row = 0; row < votes.length; row++) {
      if (own[row] === 1) odd.add(row, votes[row]! - 1);
      else if (eligible[row] === 1 && votes[row]! > 0) missed.add(row, votes[row]!);
    }
    return {
      picked: others === 0 ? 0 : odd.counts[0]!,
      dropped: others === 0 ? 0 : missed.counts[others]!,
      odd: odd.first.flat().slice(0, most),
      missed: missed.first.toReversed().flat().slice(0, most),
    };
  });
}

/** Rows by their votes: how many have each number of them, and the first few of these. */
function openTally(others: number, most: number) {
  const counts = new Array<number>(others + 1).fill(0);
  const first = counts.map((): Voted[] => []);
  return {
    counts,
    first,
    add(row: number, of: number): void {
      counts[of]!++;
      if (first[of]!.length < most) first[of]!.push({ row, votes: of });
    },
  };
}
