import { openProducts, type Products } from '../../src/numeric/linalg/gemm.ts';
import { type Matrix, rowRange, unitRows } from '../../src/numeric/linalg/matrix.ts';
import { duplicateSimilarity, orderByCentroid } from '../../src/select/methods/semdedup/semdedup.ts';
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
    const isEasyFirst = mode.startsWith('sort_easy');
    const orders: number[][] = [];
    const similar: { row: number; value: number }[] = [];
    for (let c = 0; c < centroids.rows; c++) {
      const members = [...cluster.keys()].filter((row) => cluster[row] === c);
      const file = sortedFile(points, members, rowRange(centroids, c, 1).data, isEasyFirst);
      // keep_easy turns the file round, whichever way it was sorted: easy files then keep the hard ones.
      const order = mode.includes('keep_easy') ? file.toReversed() : file;
      const values = await duplicateSimilarity(points, order, 'chain', products);
      orders.push([...file]);
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
    const { order: wanted } = expected;
    // Clusters without members may be listed or not.
    const byCluster = orders.map((order, c) => [String(c), order] as const);
    const found = {
      sorted_file_order: orders[0] ?? [],
      order: isRecord(wanted)
        ? Object.fromEntries(byCluster.filter(([c, order]) => order.length > 0 || c in wanted))
        : orders,
      kept: perEps,
      n_kept: counts,
    };
    const difference = firstDifference(found, expected);
    if (difference !== undefined) return `${mode}.${difference}`;
  }
  return undefined;
}

/** Rows of a cluster as its file lists them, equally near ones by row: from the hard end, or from the easy one. */
function sortedFile(
  points: Matrix,
  members: readonly number[],
  centroid: Float32Array,
  isEasyFirst: boolean,
): Int32Array {
  if (!isEasyFirst) return orderByCentroid(points, members, centroid, 'hard');
  return orderByCentroid(points, members.toReversed(), centroid, 'hard').toReversed();
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
