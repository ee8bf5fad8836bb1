import type { KMeansResult } from './kmeans.ts';

/** Signs of a clustering that has collapsed: few clusters in use, or centroids that all point the same way. */
export interface ClusterHealth {
  /** Clusters without a row. */
  empty: number;
  /** Share of the rows in the largest cluster, 0 to 1. */
  largestShare: number;
  /**
   * Lowest cosine between a centroid in use and their mean direction: 1 when all point the same way. NaN with fewer
   * than two.
   */
  leastCosine: number;
}

/**
 * Looks at a clustering before its clusters are trusted: spherical k-means is known to collapse in some versions of
 * faiss.
 */
export function clusterHealth({ sizes, centroids }: Pick<KMeansResult, 'sizes' | 'centroids'>): ClusterHealth {
  const width = centroids.length / sizes.length;
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const used = [...sizes.keys()].filter((j) => sizes[j]! > 0);
  return {
    empty: sizes.length - used.length,
    largestShare: rows === 0 ? 0 : Math.max(...sizes) / rows,
    leastCosine: leastCosine(centroids, used, width),
  };
}

function leastCosine(centroids: Float32Array, used: number[], width: number): number {
  if (used.length < 2) return Number.NaN;
  const mean = new Float64Array(width);
  const units = used.map((j) => toUnit(centroids.subarray(j * width, (j + 1) * width)));
  for (const unit of units) for (let t = 0; t < width; t++) mean[t]! += unit[t]!;
  const direction = toUnit(mean);
  return Math.min(...units.map((unit) => unit.reduce((sum, value, t) => sum + value * direction[t]!, 0)));
}

function toUnit(values: ArrayLike<number>): Float64Array {
  const unit = Float64Array.from(values);
  const length = Math.sqrt(unit.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? unit.map((value) => value / length) : unit;
}
