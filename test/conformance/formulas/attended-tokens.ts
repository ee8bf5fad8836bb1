/**
 * ScalSelect: which image tokens the instruction looks at, and the mean of their states. Attention is averaged over
 * heads and instruction tokens, scaled to sum 1, and the most attended tokens are taken until their shares sum to more
 * than `share`: one more than there are running sums up to it. In single precision throughout, since a running sum at
 * the threshold decides by its rounding.
 *
 * Source: ScalSelect (arXiv 2602.11636); layer 0's attention, states after layer 1.
 *
 * @param attention attention to each image token, already averaged; all 0 counts as even
 * @returns positions among the image tokens, the most attended first, ties to the earlier
 */
export function attendedTokens(attention: ArrayLike<number>, share: number): number[] {
  const values = Float32Array.from(attention);
  const total = values.reduce((sum, value) => Math.fround(sum + value), 0);
  const shares = values.map((value) => (total > 0 ? value / total : 1 / values.length));
  const order = Array.from(shares.keys()).sort((a, b) => shares[b]! - shares[a]! || a - b);
  const threshold = Math.fround(share);
  let sum = 0;
  let count = 0;
  for (const token of order) {
    sum = Math.fround(sum + shares[token]!);
    if (sum > threshold) break;
    count++;
  }
  return order.slice(0, Math.max(1, count + 1));
}

/**
 * Mean attention of some rows to some columns over all heads of a sample. @param heads attention maps, one a head,
 * row-major lists
 */
export function meanAttention(
  heads: readonly (readonly ArrayLike<number>[])[],
  rows: readonly number[],
  columns: readonly number[],
): Float32Array {
  return Float32Array.from(columns, (column) => {
    let sum = 0;
    for (const head of heads) for (const row of rows) sum += head[row]![column]!;
    return sum / (heads.length * rows.length);
  });
}

/** Mean of the listed states. */
export function meanState(states: readonly ArrayLike<number>[], positions: readonly number[]): Float64Array {
  const mean = new Float64Array(states[positions[0] ?? 0]?.length ?? 0);
  for (const position of positions) {
    for (let t = 0; t < mean.length; t++) mean[t]! += states[position]![t]! / positions.length;
  }
  return mean;
}
