/** A number that any subset of rows has. */
export type Quantity =
  /** Mean of the finite values of a column over the subset. */
  | { kind: 'mean'; name: string; values: ArrayLike<number> }
  /** Half the sum over groups of |share of the subset - share of the pool|, 0 to 1: the total variation distance of its make-up. Group -1 is a group like others. */
  | { kind: 'composition'; name: string; groups: Int32Array; labels: number };

/** Takes in a subset part by part and can be asked for all quantities at any time. */
export interface Gauge {
  /** Number of quantities. */
  readonly quantities: number;
  reset(): void;
  /** Rows `from` to `to` - 1 of a list. */
  add(rows: ArrayLike<number>, from: number, to: number): void;
  /** Quantity q of the rows so far. */
  value(q: number): number;
}

type Mean = Quantity & { kind: 'mean' };
type Makeup = Quantity & { kind: 'composition' };

/**
 * Measures several quantities in one go over the rows of a subset. All numbers of a row lie beside each other: random subsets take rows in any order, and to
 * fetch a row from memory costs more than to add up what it holds.
 *
 * @param pool the rows that a make-up is held against
 */
export function openGauge(quantities: readonly Quantity[], pool: Int32Array): Gauge {
  const means = quantities.filter((one): one is Mean => one.kind === 'mean');
  const makeups = quantities.filter((one): one is Makeup => one.kind === 'composition');
  const rows = Math.max(0, ...quantities.map((one) => (one.kind === 'mean' ? one.values : one.groups).length));
  const width = means.length;
  // In single precision, as columns are stored; sums are double.
  const table = new Float32Array(rows * width);
  means.forEach(({ values }, m) => {
    for (let row = 0; row < rows; row++) table[row * width + m] = values[row]!;
  });
  const sums = new Float64Array(width);
  const counts = new Float64Array(width);
  const tallies = makeups.map(({ labels }) => new Float64Array(labels + 1));
  const wholes = makeups.map(({ groups, labels }) => groupCounts(groups, labels, pool));
  let size = 0;
  const places = quantities.map((one) => (one.kind === 'mean' ? means.indexOf(one) : makeups.indexOf(one)));
  return {
    quantities: quantities.length,
    reset() {
      sums.fill(0);
      counts.fill(0);
      for (const tally of tallies) tally.fill(0);
      size = 0;
    },
    add(list, from, to) {
      for (let i = from; i < to; i++) {
        const start = list[i]! * width;
        for (let m = 0; m < width; m++) {
          const value = table[start + m]!;
          // False of NaN and infinities.
          if (value - value === 0) {
            sums[m]! += value;
            counts[m]!++;
          }
        }
      }
      for (const [c, { groups }] of makeups.entries()) {
        const tally = tallies[c]!;
        for (let i = from; i < to; i++) tally[groups[list[i]!]! + 1]!++;
      }
      size += to - from;
    },
    value(q) {
      const at = places[q]!;
      if (quantities[q]!.kind === 'mean') return counts[at] === 0 ? Number.NaN : sums[at]! / counts[at]!;
      if (size === 0) return Number.NaN;
      const whole = wholes[at]!;
      return tallies[at]!.reduce((sum, n, g) => sum + Math.abs(n / size - whole[g]! / pool.length), 0) / 2;
    },
  };
}

/** Rows of each group: entry g + 1 is group g, entry 0 the rows without a group. */
export function groupCounts(groups: Int32Array, labels: number, rows: ArrayLike<number>): Float64Array {
  const counts = new Float64Array(labels + 1);
  for (let i = 0; i < rows.length; i++) counts[groups[rows[i]!]! + 1]!++;
  return counts;
}

/** All quantities of one subset. */
export function measure(gauge: Gauge, rows: ArrayLike<number>): number[] {
  gauge.reset();
  gauge.add(rows, 0, rows.length);
  return Array.from({ length: gauge.quantities }, (_, q) => gauge.value(q));
}
