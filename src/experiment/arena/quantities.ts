/** A number that any subset of rows has. */
export type Quantity =
  /** Mean of the finite values of a column over the subset. */
  | { kind: 'mean'; name: string; values: ArrayLike<number> }
  /** Half the sum over groups of |share of the subset - share of the pool|, 0 to 1: the total variation distance of its make-up. Group -1 is a group like others. */
  | { kind: 'composition'; name: string; groups: Int32Array; labels: number };

/** Takes in a subset part by part and can be asked for the quantity at any time. */
export interface Gauge {
  /** Rows `from` to `to` - 1 of a list. */
  add(rows: ArrayLike<number>, from: number, to: number): void;
  value(): number;
  reset(): void;
}

/** @param pool the rows that a composition is held against */
export function openGauge(quantity: Quantity, pool: Int32Array): Gauge {
  return quantity.kind === 'mean' ? meanGauge(quantity.values) : compositionGauge(quantity, pool);
}

function meanGauge(values: ArrayLike<number>): Gauge {
  let sum = 0;
  let count = 0;
  return {
    add(rows, from, to) {
      for (let i = from; i < to; i++) {
        const value = values[rows[i]!]!;
        if (!Number.isFinite(value)) continue;
        sum += value;
        count++;
      }
    },
    value: () => (count === 0 ? Number.NaN : sum / count),
    reset() {
      sum = 0;
      count = 0;
    },
  };
}

function compositionGauge({ groups, labels }: Quantity & { kind: 'composition' }, pool: Int32Array): Gauge {
  const whole = groupCounts(groups, labels, pool);
  const counts = new Float64Array(labels + 1);
  let size = 0;
  return {
    add(rows, from, to) {
      for (let i = from; i < to; i++) counts[groups[rows[i]!]! + 1]!++;
      size += to - from;
    },
    value() {
      if (size === 0) return Number.NaN;
      let sum = 0;
      for (let g = 0; g <= labels; g++) sum += Math.abs(counts[g]! / size - whole[g]! / pool.length);
      return sum / 2;
    },
    reset() {
      counts.fill(0);
      size = 0;
    },
  };
}

/** Rows of each group: entry g + 1 is group g, entry 0 the rows without a group. */
export function groupCounts(groups: Int32Array, labels: number, rows: ArrayLike<number>): Float64Array {
  const counts = new Float64Array(labels + 1);
  for (let i = 0; i < rows.length; i++) counts[groups[rows[i]!]! + 1]!++;
  return counts;
}

/** A quantity of one subset. */
export function measure(gauge: Gauge, rows: ArrayLike<number>): number {
  gauge.reset();
  gauge.add(rows, 0, rows.length);
  return gauge.value();
}
