import { createRandom } from '../../numeric/philox.ts';

/** A part of a split, and its share of the rows. Shares sum to 1. */
export interface Part {
  name: string;
  share: number;
}

/**
 * Rows that must stay together: connected components of rows that share a key. Union by the smaller row, with path
 * halving, so that the number of a component is its first row.
 *
 * @param keys the keys of each row
 * @returns for each row the first row of its component
 */
export function components(keys: readonly (readonly string[])[]): Int32Array {
  const parent = Int32Array.from(keys, (_, row) => row);
  const root = (row: number): number => {
    let at = row;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  const first = new Map<string, number>();
  for (const [row, list] of keys.entries()) {
    for (const key of list) {
      const other = first.get(key);
      if (other === undefined) {
        first.set(key, row);
        continue;
      }
      const [a, b] = [root(row), root(other)];
      parent[Math.max(a, b)] = Math.min(a, b);
    }
  }
  return parent.map((_, row) => root(row));
}

/**
 * Give every component to a part: totals first, strata second. Large components go first (they fit worst), equals in
 * random order; each goes to the part that lacks most of its strata among those whose total still has room for it, else
 * to the part with the most room. Components of one row make the totals exact; the stratum rule is that of iterative
 * stratification (Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011) with
 * rows as the labels' counts.
 *
 * @param component for each row the number of its component
 * @param strata for each row the number of its stratum
 * @returns for each row the number of its part
 */
export function assignParts(
  component: Int32Array,
  strata: Int32Array,
  parts: readonly Part[],
  seed: number,
): Int32Array {
  const rows = component.length;
  const members = new Map<number, number[]>();
  component.forEach((c, row) => {
    const list = members.get(c);
    if (list === undefined) members.set(c, [row]);
    else list.push(row);
  });
  const order = createRandom(seed, 'dataset/split').shuffle([...members.keys()]);
  order.sort((a, b) => members.get(b)!.length - members.get(a)!.length);
  const sizes = countEach(strata);
  const lacks = parts.map(({ share }) => Float64Array.from(sizes, (n) => n * share));
  const room = wholeShares(parts, rows);
  const out = new Int32Array(rows);
  for (const c of order) {
    const group = members.get(c)!;
    const fitting = room.flatMap((free, part) => (free >= group.length ? [part] : []));
    const part =
      fitting.length > 0
        ? best(fitting, (p) => group.reduce((sum, row) => sum + lacks[p]![strata[row]!]!, 0))
        : best([...room.keys()], (p) => room[p]!);
    room[part]! -= group.length;
    for (const row of group) {
      lacks[part]![strata[row]!]! -= 1;
      out[row] = part;
    }
  }
  return out;
}

/** Whole rows of each part: shares rounded down, what is left to the largest remainders. */
export function wholeShares(parts: readonly Part[], rows: number): number[] {
  const exact = parts.map(({ share }) => share * rows);
  // 0.7 * 10 is 6.999...: a remainder that is a rounding fault is none.
  const whole = exact.map((value) => Math.floor(value + 1e-9));
  const left = rows - whole.reduce((sum, n) => sum + n, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - whole[b]! - (exact[a]! - whole[a]!) || a - b);
  for (const part of byRemainder.slice(0, Math.max(0, left))) whole[part]!++;
  return whole;
}

function countEach(strata: Int32Array): number[] {
  const sizes: number[] = [];
  for (const stratum of strata) sizes[stratum] = (sizes[stratum] ?? 0) + 1;
  return sizes;
}

/** The candidate of the highest value; the earlier one of equals. */
function best(candidates: readonly number[], value: (candidate: number) => number): number {
  let winner = candidates[0]!;
  let high = value(winner);
  for (const candidate of candidates.slice(1)) {
    const now = value(candidate);
    if (now > high) {
      winner = candidate;
      high = now;
    }
  }
  return winner;
}
