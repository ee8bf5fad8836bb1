import { WinnowError } from '../dataset/errors.ts';
import { clusterHealth } from '../numeric/cluster-health.ts';
import { type KMeansResult, kmeans, LARGEST_CLUSTERABLE } from '../numeric/kmeans.ts';
import { countDistinct, gatherRows, type Matrix } from '../numeric/matrix.ts';
import type { SelectContext } from './selector.ts';

/** Rows a cluster that k-means is fitted on at most, as faiss does; the others are assigned afterwards. */
const FIT_ROWS_PER_CLUSTER = 256;

/** A cluster with more of the rows than this is worth a note: quotas by cluster then change little. */
const LARGE_SHARE = 0.5;

/** Signs of a collapsed clustering: one cluster with nearly all rows, most clusters empty, all centroids in one direction. */
const COLLAPSED = { share: 0.9, clusters: 10, empty: 0.5, cosine: 1 - 1e-6 };

export interface ClusteringOptions {
  /** Cluster by direction: the rows have length 1 (`unitRows`), and centroids keep it. @default false */
  spherical?: boolean;
  /** Most iterations. @default 100 */
  niter?: number;
  /** Throw on a clustering that has collapsed, instead of noting it. @default false */
  refuseCollapse?: boolean;
}

/** Which of the rows have a vector that can be clustered: no missing, infinite or absurdly large value. */
export function clusterableRows({ data, width }: Matrix, rows: readonly number[]): number[] {
  return rows.filter((row) => {
    for (let t = row * width; t < (row + 1) * width; t++)
      if (!(Math.abs(data[t]!) <= LARGEST_CLUSTERABLE)) return false;
    return width > 0;
  });
}

/**
 * Clusters the listed rows of an embedding; fewer distinct rows than k give as many clusters as there are. Clusters are numbered by their
 * first row, empty ones last, so that the numbers don't depend on the order in which k-means found them.
 *
 * @returns the cluster of each row of the embedding, -1 for rows that aren't listed; the number of clusters; and what is odd about them
 * @throws WinnowError `CLUSTERS_COLLAPSED`
 */
export async function clusterRows(
  embedding: Matrix,
  rows: readonly number[],
  k: number,
  { seed, signal, progress }: SelectContext,
  { spherical = false, niter = 100, refuseCollapse = false }: ClusteringOptions = {},
): Promise<{ clusters: Int32Array; k: number; notes: string[] }> {
  const clusters = new Int32Array(embedding.rows).fill(-1);
  if (rows.length === 0) return { clusters, k: 0, notes: [] };
  const points = rows.length === embedding.rows ? embedding : gatherRows(embedding, rows);
  const used = countDistinct(points, Math.min(k, rows.length));
  const result = await kmeans(points, {
    k: used,
    seed,
    niter,
    spherical,
    sampleCap: FIT_ROWS_PER_CLUSTER * used,
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
  if (refuseCollapse) checkCollapse(result);
  const number = new Map<number, number>();
  rows.forEach((row, i) => {
    const found = result.labels[i]!;
    if (!number.has(found)) number.set(found, number.size);
    clusters[row] = number.get(found)!;
  });
  return { clusters, k: used, notes: [...describeCount(used, k, rows.length), ...describeHealth(result)] };
}

function describeCount(used: number, k: number, rows: number): string[] {
  if (used === k) {
    return rows >= 2 * k
      ? []
      : [`${k} clusters for ${rows} rows: hardly more than one row each. Fewer say more (--k).`];
  }
  return [
    used === rows
      ? `${used} clusters instead of ${k}: there are no more rows to cluster.`
      : `${used} clusters instead of ${k}: no more rows differ.`,
  ];
}

function describeHealth(result: KMeansResult): string[] {
  const { empty, largestShare } = clusterHealth(result);
  const notes: string[] = [];
  if (empty > 0) notes.push(`${empty} clusters are empty: the rows have fewer distinct embeddings than clusters.`);
  if (largestShare > LARGE_SHARE && result.sizes.length > 2) {
    notes.push(
      `One cluster holds ${Math.round(100 * largestShare)} % of the rows, so that quotas by cluster change little.`,
    );
  }
  return notes;
}

function checkCollapse(result: KMeansResult): void {
  const k = result.sizes.length;
  const { empty, largestShare, leastCosine } = clusterHealth(result);
  const signs = [
    k >= COLLAPSED.clusters && largestShare > COLLAPSED.share
      ? `one cluster holds ${Math.round(100 * largestShare)} % of the rows`
      : '',
    empty > COLLAPSED.empty * k ? `${empty} of ${k} clusters are empty` : '',
    k > 1 && leastCosine > COLLAPSED.cosine ? 'all centroids point in one direction' : '',
  ].filter((sign) => sign !== '');
  if (signs.length === 0) return;
  throw new WinnowError({
    code: 'CLUSTERS_COLLAPSED',
    message: `The clustering into ${k} clusters has collapsed: ${signs.join('; ')}. Its clusters mean nothing.`,
    hint: 'Ask for fewer clusters with --k, or give clusters of your own with --labels COLUMN.',
  });
}
