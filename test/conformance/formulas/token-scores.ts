/** What the logits of one response say, means over its tokens. */
export interface TokenScores {
  /** |softmax - onehot|_2, 0 to sqrt(2) (Paul et al. 2021). */
  el2n: number;
  /** p_label - max of the other probabilities, -1 to 1 (Pleiss et al. 2020). */
  aum: number;
  /** -log p_label, nats/token. */
  nll: number;
}

/**
 * EL2N, AUM and loss of a response, in double precision and without a one-hot vector: |p - y|^2 = sum p^2 - 2 p_label +
 * 1.
 *
 * @param logits one row of the vocabulary for each response token, already shifted: row t predicts label t
 * @returns NaN where there is no token
 */
export function tokenScores(logits: readonly ArrayLike<number>[], labels: ArrayLike<number>): TokenScores {
  const sums: TokenScores = { el2n: 0, aum: 0, nll: 0 };
  logits.forEach((row, t) => {
    const label = labels[t]!;
    let highest = Number.NEGATIVE_INFINITY;
    let highestOther = Number.NEGATIVE_INFINITY;
    for (let v = 0; v < row.length; v++) {
      highest = Math.max(highest, row[v]!);
      if (v !== label) highestOther = Math.max(highestOther, row[v]!);
    }
    let total = 0;
    let squares = 0;
    for (let v = 0; v < row.length; v++) {
      const weight = Math.exp(row[v]! - highest);
      total += weight;
      squares += weight * weight;
    }
    const p = Math.exp(row[label]! - highest) / total;
    sums.el2n += Math.sqrt(Math.max(0, squares / (total * total) - 2 * p + 1));
    sums.aum += p - Math.exp(highestOther - highest) / total;
    sums.nll += highest + Math.log(total) - row[label]!;
  });
  const n = logits.length;
  return n === 0 ? { el2n: Number.NaN, aum: Number.NaN, nll: Number.NaN } : mapScores(sums, (sum) => sum / n);
}

function mapScores({ el2n, aum, nll }: TokenScores, of: (value: number) => number): TokenScores {
  return { el2n: of(el2n), aum: of(aum), nll: of(nll) };
}
