import { type Matrix, squaredDistance, squaredLength } from './linalg/matrix.ts';

export interface FarthestOptions {
  /** Row to begin with. @default the longest vector, the first of equals */
  start?: number;
  signal?: AbortSignal | undefined;
  progress?: ((done: number, total: number, what: string) => void) | undefined;
}

/** Row of the longest vector, the first of equals. */
function longest(points: Matrix): number {
  let best = 0;
  let most = -1;
  for (let row = 0; row < points.rows; row++) {
    const square = squaredLength(points, row);
    if (square > most) [best, most] = [row, square];
  }
  return best;
}

/**
 * Farthest-point sampling: begins with one row, then always takes the row whose nearest taken row is farthest
 * (Euclidean), the first of equals. Costs rows x count distances and memory for one number a row.
 *
 * @returns `count` rows (all, if there are fewer) in the order they were taken
 */
export function farthestPoints(points: Matrix, count: number, options: FarthestOptions = {}): Int32Array {
  const taken = new Int32Array(Math.min(count, points.rows));
  const nearest = new Float64Array(points.rows).fill(Number.POSITIVE_INFINITY);
  let next = options.start ?? longest(points);
  for (let n = 0; n < taken.length; n++) {
    options.signal?.throwIfAborted();
    if (n % 256 === 0) options.progress?.(n, taken.length, 'picking rows far apart');
    taken[n] = next;
    nearest[next] = -1;
    let farthest = -1;
    let last = next;
    for (let row = 0; row < points.rows; row++) {
      if (nearest[row]! < 0) continue;
      const distance = squaredDistance(points, row, points, taken[n]!);
      if (distance < nearest[row]!) nearest[row] = distance;
      if (nearest[row]! > farthest) [farthest, last] = [nearest[row]!, row];
    }
    next = last;
  }
  return taken;
}
