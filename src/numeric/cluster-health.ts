import type { KMeansResult } from './kmeans.ts';

/** Signs of a clustering that has collapsed: few clusters in use, or centroids that all point the same way. */
export interface ClusterHealth {
  /** Clusters without a row. */
  empty: number;
  /** Share of the rows in the largest cluster, 0 to 1. */
  largestShare: number;
  /** Highest cosine between two centroids in use, -1 to 1; NaN with fewer than two. */
  closestCosine: number;
}

/** Looks at a clustering before its clusters are trusted: spherical k-means is known to collapse in some versions of faiss. */
export function clusterHealth({ sizes, centroids }: Pick<KMeansResult, 'sizes' | 'centroids'>): ClusterHealth {
  const width = centroids.length / sizes.length;
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const used = [...sizes.keys()].filter((j) => sizes[j]! > 0);
  const lengths = new Map(used.map((j) => [j, Math.sqrt(dot(centroids, j, j, width))]));
  let closestCosine = Number.NaN;
  for (const [at, i] of used.entries()) {
    for (const j of used.slice(at + 1)) {
      const cosine = dot(centroids, i, j, width) / (lengths.get(i)! * lengths.get(j)!);
      if (!(cosine <= closestCosine)) closestCosine = cosine;
    }
  }
  return {
    empty: sizes.length - used.length,
    largestShare: rows === 0 ? 0 : Math.max(...sizes) / rows,
    closestCosine,
  };
}

function dot(values: Float32Array, i: number, j: number, width: number): number {
  let sum = 0;
  for (let t = 0; t < width; t++) sum += values[i * width + t]! * values[j * width + t]!;
  return sum;
}
