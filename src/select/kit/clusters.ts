import type { WideColumn } from '../../numeric/columns.ts';
import type { SelectContext, SelectorInput } from '../selector.ts';
import { type ClusteringOptions, clusterableRows, clusterRows } from './clustering.ts';
import { labelColumn } from './columns.ts';
import type { Group } from './groups.ts';
import { dropRows, type Pool } from './pool.ts';

/** One cluster while it is decided. */
export interface Cluster extends Group {
  members: number[];
  candidates: number[];
}

/** Clusters by a column of labels where one is named, else by k-means of vectors. */
export interface ClusterSource extends ClusteringOptions {
  labels?: string | undefined;
  /** Called only when there are no labels. */
  vectors: () => WideColumn;
  k: number;
}

/**
 * Puts the rows that compete into clusters; rows without a cluster leave the competition. Clusters of k-means are
 * numbered by their first row, clusters of labels in the order of the labels. A cluster can be empty.
 *
 * @returns `ids`: cluster of each row of the pool, -1 for rows that don't compete
 */
export async function intoClusters(
  input: SelectorInput,
  pool: Pool,
  { labels, vectors, k, ...how }: ClusterSource,
  context: SelectContext,
): Promise<{ ids: Int32Array; clusters: Cluster[] }> {
  const clusters: Cluster[] = [];
  let groups: Int32Array;
  if (labels !== undefined) {
    const found = labelColumn(input, labels);
    const isNumbered = found.labels.every((label) => Number.isInteger(label));
    for (const [c, label] of found.labels.entries()) {
      const name = isNumbered ? { id: label as number } : { id: c, label: String(label) };
      clusters.push({ ...name, members: [], candidates: [] });
    }
    groups = found.groups;
  } else {
    const points = vectors();
    const found = await clusterRows(points, await clusterableRows(points, pool.rows), k, context, how);
    pool.notes.push(...found.notes);
    for (let id = 0; id < found.k; id++) clusters.push({ id, members: [], candidates: [] });
    groups = found.clusters;
  }
  dropRows(pool, 'no-cluster', 'belong to no cluster (label or embedding missing)', (row) => groups[row]! < 0);
  const ids = new Int32Array(input.rows).fill(-1);
  for (const row of pool.rows) {
    const cluster = clusters[groups[row]!]!;
    cluster.members.push(row);
    ids[row] = cluster.id;
  }
  return { ids, clusters };
}

/** Takes rows whose vector can't be clustered out of the competition: a missing, infinite or absurdly large value. */
export async function dropUnclusterable(pool: Pool, vectors: WideColumn, column: string): Promise<void> {
  const usable = new Set(await clusterableRows(vectors, pool.rows));
  dropRows(pool, 'no-cluster', `have no finite \`${column}\``, (row) => !usable.has(row));
}

/** Rows a cluster that 10,000 clusters of the 665,298 rows of LLaVA-665K have, and the most clusters. */
const ROWS_PER_CLUSTER = 66;
const MOST_CLUSTERS = 10_000;

/**
 * How many clusters to make where a method names 10,000 for a data set of one size: as many rows a cluster in any
 * other.
 */
export function clustersFor(rows: number): number {
  return Math.min(MOST_CLUSTERS, Math.max(1, Math.round(rows / ROWS_PER_CLUSTER)));
}
