import { clusterHealth } from '../numeric/cluster-health.ts';
import { type KMeansResult, kmeans, LARGEST_CLUSTERABLE } from '../numeric/kmeans.ts';
import { gatherRows, type Matrix } from '../numeric/matrix.ts';
import type { SelectContext } from './selector.ts';

/** Rows a cluster that k-means is fitted on at most, as faiss does; the others are assigned afterwards. */
const FIT_ROWS_PER_CLUSTER = 256;

/** A cluster with more of the rows than this is worth a note: quotas by cluster then change little. */
const LARGE_SHARE = 0.5;

/** Which of the rows have a vector that can be clustered: no missing, infinite or absurdly large value. */
export function clusterableRows({ data, width }: Matrix, rows: readonly number[]): number[] {
  return rows.filter((row) => {
    for (let t = row * width; t < (row + 1) * width; t++)
      if (!(Math.abs(data[t]!) <= LARGEST_CLUSTERABLE)) return false;
    return width > 0;
  });
}

/**
 * Clusters the listed rows of an embedding; fewer rows than k give as many clusters as rows.
 *
 * @returns the cluster of each row of the embedding, -1 for rows that aren't listed; the number of clusters; and what is odd about them
 */
export async function clusterRows(
  embedding: Matrix,
  rows: readonly number[],
  k: number,
  { seed, signal, progress }: SelectContext,
): Promise<{ clusters: Int32Array; k: number; notes: string[] }> {
  const clusters = new Int32Array(embedding.rows).fill(-1);
  const used = Math.min(k, rows.length);
  if (used === 0) return { clusters, k: 0, notes: [] };
  const points = rows.length === embedding.rows ? embedding : gatherRows(embedding, rows);
  const result = await kmeans(points, {
    k: used,
    seed,
    niter: 100,
    sampleCap: FIT_ROWS_PER_CLUSTER * used,
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
  rows.forEach((row, i) => {
    clusters[row] = result.labels[i]!;
  });
  return { clusters, k: used, notes: describeHealth(result) };
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
