/** Orders rows by score, best first: ties to the earlier row, values that aren't finite last. */
export function byScore(
  score: ArrayLike<number>,
  direction: 'desc' | 'asc' = 'desc',
): (a: number, b: number) => number {
  const sign = direction === 'desc' ? -1 : 1;
  return (a, b) => {
    const x = score[a]!;
    const y = score[b]!;
    const xFinite = Number.isFinite(x);
    const yFinite = Number.isFinite(y);
    if (xFinite && yFinite && x !== y) return x < y ? -sign : sign;
    if (xFinite !== yFinite) return xFinite ? -1 : 1;
    return a - b;
  };
}

/** Rows that fit beside the 32 bits of a score in the 53 bits of a double. */
const LARGEST_PACKED_ROW = 2 ** 21;

/**
 * Sorts rows as `byScore` does. Scores in single precision are packed with their row into one double each, so that the native sort of numbers
 * does it: ten times as fast as a comparison in JavaScript.
 */
export function rankRows(
  rows: ArrayLike<number>,
  score: ArrayLike<number>,
  direction: 'desc' | 'asc' = 'desc',
): Int32Array {
  const largest = score.length;
  if (!(score instanceof Float32Array) || largest > LARGEST_PACKED_ROW) {
    return Int32Array.from(Array.from(rows).sort(byScore(score, direction)));
  }
  const value = new Float32Array(1);
  const bits = new Uint32Array(value.buffer);
  const keys = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    // Adding 0 makes -0 equal to 0.
    value[0] = score[rows[i]!]! + 0;
    let key = 0xffffffff;
    if (Number.isFinite(value[0])) {
      // The bits of a float grow with it, backwards below zero: so they are flipped into one rising scale.
      const rising = bits[0]! >>> 31 === 1 ? ~bits[0]! >>> 0 : (bits[0]! | 0x80000000) >>> 0;
      key = direction === 'asc' ? rising : 0xffffffff - rising;
    }
    keys[i] = key * LARGEST_PACKED_ROW + rows[i]!;
  }
  keys.sort();
  return Int32Array.from(keys, (key) => key % LARGEST_PACKED_ROW);
}

/** Keeps the best `k` of a stream of scored rows in memory of size k; the same order as `byScore`. */
export interface TopK {
  push(row: number, score: number): void;
  /** Best first. */
  rows(): Int32Array;
  scores(): Float64Array;
}

/**
 * Opens a streaming top-k (a binary heap with the worst kept row on top). Scores that aren't finite are kept only
 * while nothing better fills their place.
 */
export function openTopK(k: number, direction: 'desc' | 'asc' = 'desc'): TopK {
  const heapRows: number[] = [];
  const heapScores: number[] = [];
  const sign = direction === 'desc' ? 1 : -1;
  const value = (score: number): number => (Number.isFinite(score) ? sign * score : Number.NEGATIVE_INFINITY);
  const isWorse = (i: number, j: number): boolean => {
    const x = value(heapScores[i]!);
    const y = value(heapScores[j]!);
    return x < y || (x === y && heapRows[i]! > heapRows[j]!);
  };
  const swap = (i: number, j: number): void => {
    [heapRows[i], heapRows[j]] = [heapRows[j]!, heapRows[i]!];
    [heapScores[i], heapScores[j]] = [heapScores[j]!, heapScores[i]!];
  };
  const siftUp = (from: number): void => {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!isWorse(i, parent)) return;
      swap(i, parent);
      i = parent;
    }
  };
  const siftDown = (): void => {
    for (let i = 0; ; ) {
      let worst = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heapRows.length && isWorse(child, worst)) worst = child;
      if (worst === i) return;
      swap(i, worst);
      i = worst;
    }
  };
  const order = (): number[] =>
    Array.from({ length: heapRows.length }, (_, i) => i).sort((i, j) => (isWorse(i, j) ? 1 : -1));

  return {
    push(row, score) {
      if (k <= 0) return;
      if (heapRows.length < k) {
        heapRows.push(row);
        heapScores.push(score);
        siftUp(heapRows.length - 1);
        return;
      }
      const x = value(score);
      const worst = value(heapScores[0]!);
      if (x < worst || (x === worst && row > heapRows[0]!)) return;
      heapRows[0] = row;
      heapScores[0] = score;
      siftDown();
    },
    rows: () => Int32Array.from(order(), (i) => heapRows[i]!),
    scores: () => Float64Array.from(order(), (i) => heapScores[i]!),
  };
}
