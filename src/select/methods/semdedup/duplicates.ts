import type { Products } from '../../../numeric/linalg/gemm.ts';
import { gatherRows, type Matrix, rowRange } from '../../../numeric/linalg/matrix.ts';

/** Rows up to which all similarities of a cluster are held (64 MiB). */
const HELD_ROWS = 4096;
const BLOCK_ROWS = 1024;

/** Similarity of a row that has nothing before it: lower than any cosine. */
const NO_DUPLICATE = -2;

/**
 * Chain: M_j = the largest cosine between row j and any row before it, also one that is itself removed (as published).
 *
 * @param points unit vectors
 * @param order rows of one cluster, the one to be kept first
 */
export async function chainSimilarity(
  points: Matrix,
  order: ArrayLike<number>,
  products: Products,
): Promise<Float64Array> {
  const own = gatherRows(points, order);
  const largest = new Float64Array(own.rows).fill(NO_DUPLICATE);
  for (let start = 0; start < own.rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, own.rows - start);
    const before = start + count;
    const cosines = await products.dots(rowRange(own, start, count), rowRange(own, 0, before));
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < start + i; j++) {
        const cosine = cosines[i * before + j]!;
        if (cosine > largest[start + i]!) largest[start + i] = cosine;
      }
    }
  }
  return largest;
}

/**
 * Groups: rows that are linked by pairs above a threshold are one group of duplicates, and its first row stands for it.
 * M_j = the threshold up to which row j belongs to a group with a row before it (single linkage): with 1 - eps below
 * M_j it is removed.
 */
export async function groupSimilarity(
  points: Matrix,
  order: ArrayLike<number>,
  products: Products,
): Promise<Float64Array> {
  const own = gatherRows(points, order);
  const edges = await spanningTree(own, products);
  edges.sort((a, b) => b.cosine - a.cosine || a.from - b.from || a.to - b.to);
  const merged = new Float64Array(own.rows).fill(NO_DUPLICATE);
  const parent = Int32Array.from({ length: own.rows }, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root]!;
    for (let at = i; parent[at] !== root; ) {
      const next = parent[at]!;
      parent[at] = root;
      at = next;
    }
    return root;
  };
  for (const { from, to, cosine } of edges) {
    const a = find(from);
    const b = find(to);
    // The root of a group is its first row; the later root is what the merger removes.
    merged[Math.max(a, b)] = cosine;
    parent[Math.max(a, b)] = Math.min(a, b);
  }
  return merged;
}

interface Edge {
  from: number;
  to: number;
  cosine: number;
}

/** The tree over all rows with the largest cosines (Prim). */
async function spanningTree(own: Matrix, products: Products): Promise<Edge[]> {
  const { rows } = own;
  const held = rows <= HELD_ROWS ? await products.dots(own, own) : undefined;
  const best = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
  const from = new Int32Array(rows);
  const isIn = new Uint8Array(rows);
  const edges: Edge[] = [];
  let last = 0;
  isIn[0] = 1;
  while (edges.length < rows - 1) {
    const cosines =
      held?.subarray(last * rows, (last + 1) * rows) ?? (await products.dots(rowRange(own, last, 1), own));
    let next = -1;
    for (let j = 0; j < rows; j++) {
      if (isIn[j] === 1) continue;
      if (cosines[j]! > best[j]!) {
        best[j] = cosines[j]!;
        from[j] = last;
      }
      if (next < 0 || best[j]! > best[next]!) next = j;
    }
    isIn[next] = 1;
    edges.push({ from: from[next]!, to: next, cosine: best[next]! });
    last = next;
  }
  return edges;
}
