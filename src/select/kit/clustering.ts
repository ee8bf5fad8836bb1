import { WinnowError } from '../../base/errors.ts';
import type { WideColumn } from '../../numeric/columns.ts';
import { clusterHealth } from '../../numeric/kmeans/cluster-health.ts';
import { assignRows, type KMeansResult, kmeans, LARGEST_CLUSTERABLE } from '../../numeric/kmeans/kmeans.ts';
import { miniBatchKMeans } from '../../numeric/kmeans/mini-batch.ts';
import { countDistinct, gatherRows, type Matrix } from '../../numeric/linalg/matrix.ts';
import { createRandom } from '../../numeric/philox.ts';
import type { SelectContext } from '../selector.ts';

/** Rows a cluster that k-means is fitted on at most, as faiss does; the others are assigned afterwards. */
const FIT_ROWS_PER_CLUSTER = 256;

const FIT_BYTES = 2 ** 31;

/** A cluster with more of the rows than this is worth a note: quotas by cluster then change little. */
const LARGE_SHARE = 0.5;

/**
 * Signs of a collapsed clustering: one cluster with nearly all rows, most clusters empty, all centroids in one
 * direction.
 */
const COLLAPSED = { share: 0.9, clusters: 10, empty: 0.5, cosine: 1 - 1e-6 };

export interface ClusteringOptions {
  /** Cluster by direction: the rows have length 1 (`unitRows`), and centroids keep it. @default false */
  spherical?: boolean;
  /** Most iterations. @default 100 */
  niter?: number;
  /** Rows a step of mini-batch k-means, as some published codes have it. Absent: whole iterations. */
  miniBatch?: number | undefined;
  /** Throw on a clustering that has collapsed, instead of noting it. @default false */
  refuseCollapse?: boolean;
  /** Bytes of rows that centroids are fitted on at most, where they aren't in memory anyway. @default 2 GiB */
  fitBytes?: number;
}

/** Which of the rows have a vector that can be clustered: no missing, infinite or absurdly large value. */
export async function clusterableRows(column: WideColumn, rows: readonly number[]): Promise<number[]> {
  const usable = new Uint8Array(column.rows);
  const { width } = column;
  for await (const { start, matrix } of column.blocks()) {
    for (let i = 0; i < matrix.rows; i++) {
      let isUsable = width > 0;
      for (let t = i * width; isUsable && t < (i + 1) * width; t++)
        isUsable = Math.abs(matrix.data[t]!) <= LARGEST_CLUSTERABLE;
      usable[start + i] = isUsable ? 1 : 0;
    }
  }
  return rows.filter((row) => usable[row] === 1);
}

/**
 * Clusters the listed rows of an embedding; fewer distinct rows than k give as many clusters as there are. Clusters are
 * numbered by their first row, empty ones last, so that the numbers don't depend on the order in which k-means found
 * them.
 *
 * Centroids are fitted on at most 256 rows a cluster, and on no more than 2 GiB of an embedding that is larger; all
 * rows are assigned.
 *
 * @returns the cluster of each row of the embedding, -1 for rows that aren't listed; the number of clusters; and what
 * is odd about them
 * @throws WinnowError `CLUSTERS_COLLAPSED`
 */
export async function clusterRows(
  embedding: WideColumn,
  rows: readonly number[],
  k: number,
  context: SelectContext,
  how: ClusteringOptions = {},
): Promise<{ clusters: Int32Array; k: number; notes: string[] }> {
  const clusters = new Int32Array(embedding.rows).fill(-1);
  if (rows.length === 0) return { clusters, k: 0, notes: [] };
  const isLarge = embedding.held === undefined && rows.length * embedding.width * 4 > (how.fitBytes ?? FIT_BYTES);
  const { used, labels, ...found } = isLarge
    ? await clusterLarge(embedding, rows, k, context, how)
    : await clusterHeld(await heldRows(embedding, rows), k, context, how);
  if (how.refuseCollapse === true) checkCollapse(found);
  const number = new Map<number, number>();
  rows.forEach((row, i) => {
    const label = labels[i]!;
    if (!number.has(label)) number.set(label, number.size);
    clusters[row] = number.get(label)!;
  });
  return { clusters, k: used, notes: [...describeCount(used, k, rows.length), ...describeHealth(found)] };
}

type Found = Pick<KMeansResult, 'labels' | 'sizes' | 'centroids'> & { used: number };

const heldRows = async ({ held, gather }: WideColumn, rows: readonly number[]): Promise<Matrix> =>
  held !== undefined && rows.length === held.rows ? held : gather(rows);

async function clusterHeld(
  points: Matrix,
  k: number,
  { seed, signal, progress }: SelectContext,
  { spherical = false, niter = 100, miniBatch }: ClusteringOptions,
): Promise<Found> {
  const used = countDistinct(points, Math.min(k, points.rows));
  const how = {
    k: used,
    seed,
    signal,
    progress,
  };
  const result =
    miniBatch === undefined
      ? await kmeans(points, { ...how, niter, spherical, sampleCap: FIT_ROWS_PER_CLUSTER * used })
      : await miniBatchKMeans(points, { ...how, batch: miniBatch });
  return { ...result, used };
}

/** Fits on a sample that is held, then assigns all rows a block at a time. */
async function clusterLarge(
  embedding: WideColumn,
  rows: readonly number[],
  k: number,
  context: SelectContext,
  how: ClusteringOptions,
): Promise<Found> {
  const most = Math.max(1, Math.floor((how.fitBytes ?? FIT_BYTES) / (embedding.width * 4)));
  const count = Math.min(rows.length, most, FIT_ROWS_PER_CLUSTER * k);
  const drawn = createRandom(context.seed, 'select/cluster-sample').sample(rows.length, count).sort();
  const { centroids, used } = await clusterHeld(
    await embedding.gather(drawn.map((i) => rows[i]!)),
    Math.min(k, count),
    context,
    how,
  );
  const centres: Matrix = { data: centroids, rows: used, width: embedding.width };
  const labels = new Int32Array(rows.length);
  const sizes = new Int32Array(used);
  let next = 0;
  for await (const { start, matrix } of embedding.blocks()) {
    context.signal?.throwIfAborted();
    const own: number[] = [];
    for (; next + own.length < rows.length && rows[next + own.length]! < start + matrix.rows; )
      own.push(rows[next + own.length]! - start);
    if (own.length === 0) continue;
    const found = await assignRows(gatherRows(matrix, own), centres);
    labels.set(found.labels, next);
    for (const label of found.labels) sizes[label]!++;
    next += own.length;
    context.progress?.(next, rows.length, 'assigning rows to clusters');
  }
  return { labels, sizes, centroids, used };
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

function describeHealth(result: Pick<KMeansResult, 'sizes' | 'centroids'>): string[] {
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

function checkCollapse(result: Pick<KMeansResult, 'sizes' | 'centroids'>): void {
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
