import { wideOf } from '../../src/numeric/columns.ts';
import { openProducts, type Products } from '../../src/numeric/linalg/gemm.ts';
import { nearestByCosine } from '../../src/numeric/nearest.ts';
import { gaussianKernel, greedyMmd } from '../../src/select/methods/coincide/mmd.ts';
import { pruneClusters } from '../../src/select/methods/coincide/prune-clusters.ts';
import { sliceOfLayers, transferability } from '../../src/select/methods/coincide/transferability.ts';
import type { CaseCheck } from './check.ts';
import { firstDifference, numberOf, toMatrix } from './columns.ts';
import { differs } from './compare.ts';
import { type Case, isRecord, toNumbers } from './fixture.ts';

async function withProducts<T>(run: (products: Products) => Promise<T>): Promise<T> {
  const products = await openProducts();
  try {
    return await run(products);
  } finally {
    await products.release();
  }
}

/** The published pruning on given clusters and transferabilities. */
async function runPrune({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.embeddings, 'embeddings');
  const cluster = toNumbers(inputs.cluster, 'cluster');
  const transfer = toNumbers(inputs.transferability, 'transferability');
  const target = Math.floor(numberOf(inputs, 'fraction') * points.rows);
  const members = transfer.map((_, c) => [...cluster.keys()].filter((row) => cluster[row] === c));
  const options = {
    variant: 'official',
    temperature: numberOf(inputs, 'temperature'),
    sigma: 'sigma' in inputs ? numberOf(inputs, 'sigma') : 1,
  } as const;
  const pruned = await withProducts((products) =>
    pruneClusters(wideOf(points), members, transfer, target, options, products),
  );
  const kept = [...pruned.order].flatMap((c) => pruned.kept[c]!);
  const found = {
    density: [...pruned.density],
    score: [...pruned.score],
    softmax: [...pruned.share],
    cluster_order: [...pruned.order],
    n_per_cluster: Object.fromEntries(pruned.kept.map((rows, c) => [String(c), rows.length])),
    selected_in_order: kept,
    n_selected: kept.length,
    target,
  };
  return firstDifference(found, outputs);
}

/** The greedy choice within one cluster, for several counts. */
async function runGreedy({ inputs, outputs }: Case): Promise<string | undefined> {
  const points = toMatrix(inputs.X, 'X');
  const rows = Array.from({ length: points.rows }, (_, row) => row);
  const counts = isRecord(outputs.selected_by_m) ? Object.keys(outputs.selected_by_m) : [];
  return withProducts(async (products) => {
    const kernel = await gaussianKernel(points, numberOf(inputs, 'sigma'), products);
    const matrix = await Promise.all(rows.map(async (row) => [...(await kernel.row(row))]));
    const { picked, mmd2 } = await greedyMmd(kernel, points.rows);
    const wanted = isRecord(outputs.mmd2_by_m) ? outputs.mmd2_by_m : {};
    // All rows picked: MMD^2 is 0 but for rounding, where a relative tolerance says nothing.
    const mmd2Of = (m: string): number => (Math.abs(mmd2[Number(m) - 1]!) < 1e-12 ? 0 : mmd2[Number(m) - 1]!);
    return firstDifference(
      { kernel: matrix, selected_by_m: Object.fromEntries(counts.map((m) => [m, [...picked.subarray(0, Number(m))]])) },
      outputs,
      { others: Object.keys(wanted).map((m) => differs(`mmd2_by_m.${m}`, nearZero(wanted[m]), mmd2Of(m))) },
    );
  });
}

const nearZero = (value: unknown): unknown => (typeof value === 'number' && Math.abs(value) < 1e-12 ? 0 : value);

/** Mean cosine between the language halves of centroids. */
async function runTransferability({ inputs, outputs }: Case): Promise<string | undefined> {
  const centroids = toMatrix(inputs.centroids, 'centroids');
  const layers = 'n_layers' in inputs ? numberOf(inputs, 'n_layers') : 5;
  const perLayer = centroids.width / layers;
  const [from = perLayer / 2, to = perLayer] =
    'language_slice' in inputs ? toNumbers(inputs.language_slice, 'language_slice') : [];
  const excludeAbove = 'exclude_above' in inputs ? numberOf(inputs, 'exclude_above') : 0.9;
  const language = sliceOfLayers(centroids, layers, [from, to]);
  const found = await withProducts((products) => transferability(language, products, { excludeAbove }));
  // Saved by the published code, itself among them, and used nowhere.
  const k = Array.isArray(outputs.knn_indices) ? toNumbers(outputs.knn_indices[0], 'knn_indices').length : 1;
  const { rows } = await nearestByCosine(language, language, { k });
  // A centroid without a pair has 0 here and 0 / 0 as published.
  const wanted = Array.isArray(outputs.transferability)
    ? { transferability: outputs.transferability.map((value) => (value === 'NaN' || value === null ? 0 : value)) }
    : {};
  return firstDifference(
    { transferability: [...found], knn_indices: rows.map((near) => [...near]) },
    { ...outputs, ...wanted },
  );
}

export const coincideChecks: CaseCheck[] = [
  {
    folder: 'coincide',
    inputs: {
      required: ['embeddings', 'cluster', 'transferability', 'fraction', 'temperature'],
      optional: ['sigma'],
    },
    outputs: {
      anyOf: [
        'density',
        'score',
        'softmax',
        'cluster_order',
        'n_per_cluster',
        'selected_in_order',
        'n_selected',
        'target',
      ],
    },
    run: runPrune,
  },
  {
    folder: 'coincide',
    inputs: { required: ['X', 'sigma'] },
    outputs: { anyOf: ['kernel', 'selected_by_m', 'mmd2_by_m'] },
    run: runGreedy,
  },
  {
    folder: 'coincide',
    inputs: { required: ['centroids'], optional: ['n_layers', 'per_layer_dim', 'language_slice', 'exclude_above'] },
    outputs: { anyOf: ['transferability', 'knn_indices'] },
    run: runTransferability,
  },
];
