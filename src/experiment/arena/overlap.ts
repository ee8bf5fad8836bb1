/** How alike two subsets of one pool are. */
export interface Overlap {
  /** Rows that both keep. */
  both: number;
  /** Rows kept by both over rows kept by either, 0 to 1; NaN where both are empty. */
  jaccard: number;
  /**
   * Rows kept by both over what two independent random subsets of these sizes share on average, |A| |B| / N: 1 is
   * chance. NaN where that is 0.
   */
  ratio: number;
}

/**
 * Overlap of every pair of subsets, itself included; symmetric.
 *
 * @param subsets distinct rows each, in any order
 * @param rows of the data set
 * @param eligible rows that any subset may hold: N of the expectation
 */
export function overlaps(subsets: readonly Int32Array[], rows: number, eligible: number): Overlap[][] {
  const all = subsets.map(() => [] as Overlap[]);
  const marks = new Uint8Array(rows);
  subsets.forEach((a, i) => {
    marks.fill(0);
    for (const row of a) marks[row] = 1;
    for (let j = i; j < subsets.length; j++) {
      let both = 0;
      for (const row of subsets[j]!) both += marks[row]!;
      const found = overlapOf(both, a.length, subsets[j]!.length, eligible);
      all[i]![j] = found;
      all[j]![i] = found;
    }
  });
  return all;
}

function overlapOf(both: number, a: number, b: number, eligible: number): Overlap {
  const expected = eligible === 0 ? 0 : (a * b) / eligible;
  return {
    both,
    jaccard: a + b === 0 ? Number.NaN : both / (a + b - both),
    ratio: expected === 0 ? Number.NaN : both / expected,
  };
}

/**
 * An order in which alike subsets stand beside each other: the leaves of average-linkage clustering of 1 - similarity.
 * Of equally close pairs the first is joined; a join is turned so that its more similar ends meet.
 *
 * @param similarity symmetric, 0 to 1; what isn't finite counts as 0
 */
export function leafOrder(similarity: readonly (readonly number[])[]): number[] {
  const of = (a: number, b: number): number => (Number.isFinite(similarity[a]![b]) ? similarity[a]![b]! : 0);
  const mean = (a: readonly number[], b: readonly number[]): number => {
    let sum = 0;
    for (const i of a) for (const j of b) sum += of(i, j);
    return sum / (a.length * b.length);
  };
  const groups = similarity.map((_, i) => [i]);
  while (groups.length > 1) {
    let best = { i: 0, j: 1, value: Number.NEGATIVE_INFINITY };
    for (let i = 0; i < groups.length; i++) {
      for (let j = i + 1; j < groups.length; j++) {
        const value = mean(groups[i]!, groups[j]!);
        if (value > best.value) best = { i, j, value };
      }
    }
    const [right] = groups.splice(best.j, 1);
    groups[best.i] = joinEnds(groups[best.i]!, right!, of);
  }
  return groups[0] ?? [];
}

function joinEnds(left: number[], right: number[], of: (a: number, b: number) => number): number[] {
  const turned = [
    [left, right],
    [left, right.toReversed()],
    [left.toReversed(), right],
    [left.toReversed(), right.toReversed()],
  ] as const;
  const meeting = turned.map(([a, b]) => of(a.at(-1)!, b[0]!));
  const [a, b] = turned[meeting.indexOf(Math.max(...meeting))]!;
  return [...a, ...b];
}
