import { type Matrix, squaredDistance } from './matrix.ts';

/**
 * Ward's agglomerative clustering, cut at a share of the height of its last merge: clusters are merged as long as the
 * least growth of variance stays below the cut. By chains of nearest neighbours with the update of Lance and Williams:
 * rows^2 time and memory. No library: those on npm take rows^3 time or a matrix of arrays, know no weights, and leave
 * the order of ties to their sort, where the same points must give the same clusters on every machine.
 *
 * @param points rows without NaN or infinity
 * @param weights how many rows each point stands for. @default 1 each
 * @param cut merges up to this share of the greatest height are made, heights as scipy's `linkage` has them
 * @returns cluster of each point, numbered by their first point
 */
export function wardClusters(points: Matrix, cut: number, weights?: ArrayLike<number>): Int32Array {
  const merges = wardMerges(
    points,
    Float64Array.from({ length: points.rows }, (_, i) => weights?.[i] ?? 1),
  );
  const highest = merges.reduce((most, { square }) => Math.max(most, square), 0);
  const parent = Int32Array.from({ length: points.rows }, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root]!;
    return root;
  };
  for (const { a, b, square } of merges) {
    if (square > cut * cut * highest) continue;
    const [low, high] = [find(a), find(b)].sort((x, y) => x - y);
    parent[high!] = low!;
  }
  const number = new Map<number, number>();
  return Int32Array.from(parent.keys(), (i) => {
    const root = find(i);
    if (!number.has(root)) number.set(root, number.size);
    return number.get(root)!;
  });
}

/** All merges, each of two clusters that are named by one of their points, with the square of its height. */
function wardMerges(points: Matrix, weights: Float64Array): { a: number; b: number; square: number }[] {
  const n = points.rows;
  const squares = initialSquares(points, weights);
  const isActive = new Uint8Array(n).fill(1);
  const merges: { a: number; b: number; square: number }[] = [];
  const chain: number[] = [];
  for (let left = n; left > 1; ) {
    if (chain.length === 0) chain.push(isActive.indexOf(1));
    const top = chain.at(-1)!;
    const before = chain.at(-2);
    // The previous of the chain wins ties, or the chain could go in circles.
    let nearest = before ?? -1;
    for (let j = 0; j < n; j++) {
      if (j === top || isActive[j] === 0) continue;
      if (nearest < 0 || squares[top * n + j]! < squares[top * n + nearest]!) nearest = j;
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    merges.push({ a: before, b: top, square: squares[top * n + before]! });
    merge(squares, weights, isActive, before, top);
    left--;
  }
  return merges;
}

/** 2 |i| |j| / (|i| + |j|) times the squared distance: of two points the distance itself. */
function initialSquares(points: Matrix, weights: Float64Array): Float64Array {
  const n = points.rows;
  const squares = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const share = (2 * weights[i]! * weights[j]!) / (weights[i]! + weights[j]!);
      squares[i * n + j] = share * squaredDistance(points, i, points, j);
      squares[j * n + i] = squares[i * n + j]!;
    }
  }
  return squares;
}

/** Cluster `from` goes into `into`. */
function merge(squares: Float64Array, weights: Float64Array, isActive: Uint8Array, into: number, from: number): void {
  const n = isActive.length;
  const between = squares[into * n + from]!;
  const [wi, wf] = [weights[into]!, weights[from]!];
  isActive[from] = 0;
  for (let k = 0; k < n; k++) {
    if (isActive[k] === 0 || k === into) continue;
    const wk = weights[k]!;
    const square =
      ((wi + wk) * squares[into * n + k]! + (wf + wk) * squares[from * n + k]! - wk * between) / (wi + wf + wk);
    squares[into * n + k] = square;
    squares[k * n + into] = square;
  }
  weights[into] = wi + wf;
}
