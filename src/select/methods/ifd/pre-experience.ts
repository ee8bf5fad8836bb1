import { quantile } from '../../../numeric/statistics/statistics.ts';

/**
 * Phase 1 of IFD, "pre-experience": of each cluster of instructions the rows with a middle perplexity (between the 25th
 * and 75th percentile), in row order every (m / n)-th of them, at most n; a cluster smaller than n gives all of its
 * rows. A model trained on these for one short epoch measures the losses of phase 2.
 *
 * Source: Cherry LLM (NAACL 2024), data_by_cluster.py.
 *
 * @returns rows of each cluster, by its label
 */
export function preExperience(
  cluster: ArrayLike<number>,
  perplexity: ArrayLike<number>,
  { n = 10, low = 25, high = 75 }: { n?: number; low?: number; high?: number } = {},
): Map<number, number[]> {
  const members = new Map<number, number[]>();
  for (let row = 0; row < cluster.length; row++) {
    const label = cluster[row]!;
    if (!Number.isFinite(perplexity[row]) || label < 0) continue;
    const rows = members.get(label);
    if (rows === undefined) members.set(label, [row]);
    else rows.push(row);
  }
  return new Map(
    [...members].sort(([a], [b]) => a - b).map(([label, rows]) => [label, middleOf(rows, perplexity, n, low, high)]),
  );
}

function middleOf(rows: number[], perplexity: ArrayLike<number>, n: number, low: number, high: number): number[] {
  if (rows.length < n) return rows;
  const values = rows.map((row) => perplexity[row]!);
  const from = quantile(values, low / 100);
  const to = quantile(values, high / 100);
  const middle = rows.filter((row) => perplexity[row]! >= from && perplexity[row]! <= to);
  const step = Math.floor(middle.length / n);
  return step <= 1 ? middle.slice(0, n) : middle.filter((_, i) => i % step === 0).slice(0, n);
}
