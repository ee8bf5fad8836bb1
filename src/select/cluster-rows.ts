import { kmeans, LARGEST_CLUSTERABLE } from '../numeric/kmeans.ts';
import { gatherRows, type Matrix } from '../numeric/matrix.ts';
import type { SelectContext } from './selector.ts';

/** Rows a cluster that k-means is fitted on at most, as faiss does; the others are assigned afterwards. */
const FIT_ROWS_PER_CLUSTER = 256;

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
 * @returns the cluster of each row of the embedding, -1 for rows that aren't listed, and the number of clusters
 */
export async function clusterRows(
  embedding: Matrix,
  rows: readonly number[],
  k: number,
  { seed, signal, progress }: SelectContext,
): Promise<{ clusters: Int32Array; k: number }> {
  const clusters = new Int32Array(embedding.rows).fill(-1);
  const used = Math.min(k, rows.length);
  if (used === 0) return { clusters, k: 0 };
  const points = rows.length === embedding.rows ? embedding : gatherRows(embedding, rows);
  const { labels } = await kmeans(points, {
    k: used,
    seed,
    niter: 100,
    sampleCap: FIT_ROWS_PER_CLUSTER * used,
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
  });
  rows.forEach((row, i) => {
    clusters[row] = labels[i]!;
  });
  return { clusters, k: used };
}
