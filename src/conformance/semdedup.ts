import { type Matrix, unitRows } from '../numeric/matrix.ts';
import { openProducts, type Products } from '../numeric/products.ts';
import { duplicateSimilarity, orderByCentroid } from '../select/semdedup.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, toMatrix } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumbers } from './fixture.ts';

/** The published code (chain): orders and what stays at each eps, cluster by cluster. */
async function runChain(
  points: Matrix,
  centroids: Matrix,
  cluster: readonly number[],
  outputs: Record<string, unknown>,
  products: Products,
): Promise<string | undefined> {
  for (const [mode, expected] of Object.entries(outputs)) {
    if (!isRecord(expected)) return `${mode}: is no object`;
    // Sorting the easy way and keeping the easy one reverses twice, and so keeps the hard one.
    const keep = mode.startsWith('sort_hard+keep_easy') ? 'easy' : 'hard';
    const fileOrder = (order: Int32Array): number[] =>
      mode.startsWith('sort_easy') || keep === 'easy' ? [...order].reverse() : [...order];
    const orders: number[][] = [];
    const similar: { row: number; value: number }[] = [];
    for (let c = 0; c < centroids.rows; c++) {
      const members = [...cluster.keys()].filter((row) => cluster[row] === c);
      const order = orderByCentroid(points, members, centroids, c, keep);
      const values = await duplicateSimilarity(points, order, 'chain', products);
      orders.push(fileOrder(order));
      order.forEach((row, i) => void similar.push({ row, value: values[i]! }));
    }
    const keptAt = (eps: string): number[] =>
      similar.filter(({ value }) => value <= 1 - Number(eps)).map(({ row }) => row);
    const wantedKept = isRecord(expected.kept) ? expected.kept : {};
    const perEps = Object.fromEntries(
      Object.keys(wantedKept).map((eps) => [eps, inFormOf(wantedKept[eps], keptAt(eps))]),
    );
    const counts = Object.fromEntries(
      Object.keys(isRecord(expected.n_kept) ? expected.n_kept : {}).map((eps) => [eps, keptAt(eps).length]),
    );
    const found = {
      sorted_file_order: orders[0] ?? [],
      order: isRecord(expected.order) ? Object.fromEntries(orders.map((order, c) => [String(c), order])) : orders,
      kept: perEps,
      n_kept: counts,
    };
    const difference = firstDifference(found, expected);
    if (difference !== undefined) return `${mode}.${difference}`;
  }
  return undefined;
}

/** Rows of several clusters are listed cluster by cluster or by row: as the fixture has them. */
function inFormOf(expected: unknown, rows: number[]): number[] {
  const sorted = [...rows].sort((a, b) => a - b);
  return differs('', expected, sorted) === undefined ? sorted : rows;
}

async function run({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = unitRows(toMatrix(inputs.embeddings, 'embeddings'));
  const centroids = toMatrix(inputs.centroids ?? [inputs.centroid], 'centroids');
  const cluster =
    inputs.cluster === undefined ? new Array<number>(points.rows).fill(0) : toNumbers(inputs.cluster, 'cluster');
  const products = await openProducts();
  try {
    return await runChain(points, centroids, cluster, outputs, products);
  } finally {
    await products.release();
  }
}

const outputs = { anyOf: /^sort_(hard|easy)\+keep_(hard|easy)/ };

export const semdedupChecks: CaseCheck[] = [
  {
    folder: 'semdedup',
    inputs: { required: ['embeddings', 'centroid', 'eps'], optional: ['angles_deg'] },
    outputs,
    run,
  },
  { folder: 'semdedup', inputs: { required: ['embeddings', 'centroids', 'cluster', 'eps'] }, outputs, run },
];
