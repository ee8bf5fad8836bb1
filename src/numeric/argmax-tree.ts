/**
 * Values under change whose largest is always known: a tournament over the rows, so that a change costs log2(n)
 * comparisons.
 */
export interface ArgmaxTree {
  /** Row of the largest value, the first of equals; -1 when none are left. */
  best(): number;
  value(row: number): number;
  set(row: number, value: number): void;
  remove(row: number): void;
  has(row: number): boolean;
}

/** @param values finite numbers, one a row */
export function openArgmaxTree(values: ArrayLike<number>): ArgmaxTree {
  const current = Float64Array.from(values);
  const isIn = new Uint8Array(current.length).fill(1);
  const leaves = 2 ** Math.ceil(Math.log2(Math.max(1, current.length)));
  // winner[1] is the root, the children of node i are 2i and 2i + 1, leaves hold their row or -1.
  const winner = new Int32Array(2 * leaves).fill(-1);
  const play = (node: number): void => {
    const left = winner[2 * node]!;
    const right = winner[2 * node + 1]!;
    const isLeft = right < 0 || (left >= 0 && current[left]! >= current[right]!);
    winner[node] = isLeft ? left : right;
  };
  const replay = (row: number): void => {
    for (let node = (leaves + row) >> 1; node >= 1; node >>= 1) play(node);
  };
  for (let row = 0; row < current.length; row++) winner[leaves + row] = row;
  for (let node = leaves - 1; node >= 1; node--) play(node);
  return {
    best: () => winner[1]!,
    value: (row) => current[row]!,
    set(row, value) {
      current[row] = value;
      if (isIn[row] === 1) replay(row);
    },
    remove(row) {
      isIn[row] = 0;
      winner[leaves + row] = -1;
      replay(row);
    },
    has: (row) => isIn[row] === 1,
  };
}
