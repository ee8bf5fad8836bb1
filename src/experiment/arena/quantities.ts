/** A number that any subset of rows has. */
export type Quantity =
  /** Mean of the finite values of a column over the subset. */
  | { kind: 'mean'; name: string; values: ArrayLike<number> }
  /**
   * Half the sum over groups of |share of the subset - share of the pool|, 0 to 1: the total variation distance of its
   * make-up. Group -1 is a group like others.
   */
  | { kind: 'composition'; name: string; groups: Int32Array; labels: number };

/** Takes in a subset part by part and can be asked for all quantities at any time. */
export interface MetricAccumulator {
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
 * Measures several quantities in one go over the rows of a subset. All numbers of a row lie beside each other: random
 * subsets take rows in any order, and to fetch a row from memory costs more than to add up what it holds.
 *
 * @param pool the rows that a make-up is held against
 */
export function openAccumulator(quantities: readonly Quantity[], pool: Int32Array): MetricAccumulator {
  const hasHoles = ({ values }: Mean): boolean => pool.some((row) => !Number.isFinite(values[row]));
  const all = quantities
    .filter((one): one is Mean => one.kind === 'mean')
    .map((one) => ({ one, holes: hasHoles(one) }));
  // Those with a number in every row come first: only of the others is it looked at and counted.
  const means = all.sort((a, b) => Number(a.holes) - Number(b.holes)).map(({ one }) => one);
  const whole = all.filter(({ holes }) => !holes).length;
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
  const pools = makeups.map(({ groups, labels }) => groupCounts(groups, labels, pool));
  const places = quantities.map((one) => (one.kind === 'mean' ? means.indexOf(one) : makeups.indexOf(one)));
  let size = 0;
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
        for (let m = 0; m < whole; m++) sums[m]! += table[start + m]!;
        for (let m = whole; m < width; m++) {
          const value = table[start + m]!;
          if (!Number.isFinite(value)) continue;
          sums[m]! += value;
          counts[m]!++;
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
      // 0 / 0 of a subset without rows, or without a finite number.
      if (quantities[q]!.kind === 'mean') return sums[at]! / (at < whole ? size : counts[at]!);
      const of = pools[at]!;
      return tallies[at]!.reduce((sum, n, g) => sum + Math.abs(n / size - of[g]! / pool.length), 0) / 2;
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
export function measure(accumulator: MetricAccumulator, rows: ArrayLike<number>): number[] {
  accumulator.reset();
  accumulator.add(rows, 0, rows.length);
  return Array.from({ length: accumulator.quantities }, (_, q) => accumulator.value(q));
}
