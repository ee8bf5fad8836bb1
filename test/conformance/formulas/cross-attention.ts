import type { Matrix } from '../../../src/numeric/linalg/matrix.ts';

/** Half-open range of token positions. */
export type Span = readonly [from: number, to: number];

/**
 * The cross-modal attention of one sample as XMAS defines it (arXiv 2510.01454, eq. 4): for each layer softmax(Q K^T /
 * sqrt(D)) over the whole sequence, with the raw outputs of the q and k projections, heads side by side, no causal
 * mask; of it text rows and image columns, summed over layers.
 *
 * @param q one matrix (positions x D) a layer; `k` likewise
 * @param direction `paper`: rows are text queries, columns image keys; `official`: the published code swaps the two,
 * rows are text keys, columns image queries
 * @returns (text positions) x (image positions)
 */
export function crossAttention(
  q: readonly Matrix[],
  k: readonly Matrix[],
  text: Span,
  image: Span,
  direction: 'paper' | 'official',
): Float64Array[] {
  const [from, to] = text;
  const rows = Array.from({ length: Math.max(0, to - from) }, () => new Float64Array(image[1] - image[0]));
  q.forEach((queries, layer) => {
    const keys = k[layer]!;
    const [asRows, asColumns] = direction === 'paper' ? [queries, keys] : [keys, queries];
    rows.forEach((sums, i) => {
      const weights = softmaxRow(asRows, from + i, asColumns);
      for (let j = 0; j < sums.length; j++) sums[j]! += weights[image[0] + j]!;
    });
  });
  return rows;
}

/** softmax over all rows of `others` of x . y / sqrt(D). */
function softmaxRow(matrix: Matrix, row: number, others: Matrix): Float64Array {
  const { data, width } = matrix;
  const scores = new Float64Array(others.rows);
  for (let j = 0; j < others.rows; j++) {
    let dot = 0;
    for (let t = 0; t < width; t++) dot += data[row * width + t]! * others.data[j * width + t]!;
    scores[j] = dot / Math.sqrt(width);
  }
  const highest = scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
