import { centre, type Matrix } from '../linalg/matrix.ts';
import type { Assigner } from './assign.ts';

/** Of a place on the axis: more than double precision can err in a gap, so that equal distances are all seen. */
const ROUNDING = 1e-12;
/** Steps of the power iteration: the axis only has to be good, not exact. */
const AXIS_STEPS = 20;

/**
 * Nearest centroids of narrow rows, such as trajectories: centroids are sorted along the axis in which they differ
 * most, and a row looks outwards from its own place until the gap along the axis alone is larger than the distance
 * found. Exact, in double precision; for rows of a few numbers and many centroids it computes a small share of the
 * distances that a matrix product would.
 */
export function narrowAssigner(): Assigner {
  return {
    async assign(rows, centroids, _mean, _squares, labels, distances, signal) {
      signal?.throwIfAborted();
      const { width } = rows;
      const sorted = sortAlongAxis(centroids);
      const { axis, places, ids, values } = sorted;
      const k = ids.length;
      const reach = Math.max(Math.abs(places[0]!), Math.abs(places[k - 1]!));
      for (let row = 0, at = 0; row < rows.rows; row++, at += width) {
        let place = 0;
        for (let t = 0; t < width; t++) place += rows.data[at + t]! * axis[t]!;
        let right = firstFrom(places, place);
        let left = right - 1;
        let best = Number.POSITIVE_INFINITY;
        let label = 0;
        while (left >= 0 || right < k) {
          const gapLeft = left >= 0 ? place - places[left]! : Number.POSITIVE_INFINITY;
          const gapRight = right < k ? places[right]! - place : Number.POSITIVE_INFINITY;
          const gap = Math.min(gapLeft, gapRight) - ROUNDING * (Math.abs(place) + reach);
          if (gap > 0 && gap * gap > best) break;
          const next = gapLeft < gapRight ? left-- : right++;
          let square = 0;
          for (let t = 0, c = next * width; t < width; t++) {
            const difference = rows.data[at + t]! - values[c + t]!;
            square += difference * difference;
          }
          if (square < best || (square === best && ids[next]! < label)) {
            best = square;
            label = ids[next]!;
          }
        }
        labels[row] = label;
        distances[row] = best;
      }
    },
    release: async () => undefined,
  };
}

interface Sorted {
  /** Unit vector. */
  axis: Float64Array;
  /** Places of the centroids along it, ascending. */
  places: Float64Array;
  /** Which centroid each is. */
  ids: Int32Array;
  /** Their values, k x width, in that order. */
  values: Float64Array;
}

function sortAlongAxis(centroids: Matrix): Sorted {
  const { data, rows: k, width } = centroids;
  const axis = mainAxis(centroids);
  const place = new Float64Array(k);
  for (let j = 0; j < k; j++) for (let t = 0; t < width; t++) place[j]! += data[j * width + t]! * axis[t]!;
  const ids = Int32Array.from({ length: k }, (_, j) => j).sort((a, b) => place[a]! - place[b]! || a - b);
  const values = new Float64Array(k * width);
  ids.forEach((id, i) => {
    values.set(data.subarray(id * width, (id + 1) * width), i * width);
  });
  return { axis, places: Float64Array.from(ids, (id) => place[id]!), ids, values };
}

/** The direction of the largest variance, by power iteration on the covariance. */
function mainAxis(points: Matrix): Float64Array {
  const { data, rows, width } = points;
  const { mean } = centre(points);
  let axis = new Float64Array(width).fill(1 / Math.sqrt(width));
  for (let step = 0; step < AXIS_STEPS; step++) {
    const next = new Float64Array(width);
    for (let i = 0; i < rows; i++) {
      let along = 0;
      for (let t = 0; t < width; t++) along += (data[i * width + t]! - mean[t]!) * axis[t]!;
      for (let t = 0; t < width; t++) next[t]! += along * (data[i * width + t]! - mean[t]!);
    }
    const length = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0)) break;
    axis = next.map((value) => value / length);
  }
  return axis;
}

/** First place that is at least `from`. */
function firstFrom(places: Float64Array, from: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]! >= from) high = middle;
    else low = middle + 1;
  }
  return low;
}
