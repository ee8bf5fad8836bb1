/** A priority queue over items 0 .. n-1 whose values may change while they are in it. */
export interface IndexedHeap {
  readonly size: number;
  push(item: number): void;
  /** To be called when the value of an item has changed; does nothing for items that aren't in it. */
  update(item: number): void;
  /** The item with the largest value, of equals the one with the lowest `order`; -1 when empty. */
  peek(): number;
  pop(): number;
}

/**
 * Opens a heap with the largest value on top.
 *
 * @param values read whenever items are compared
 * @param order breaks ties, lowest first; @default the item itself
 */
export function openIndexedHeap(values: ArrayLike<number>, order?: ArrayLike<number>): IndexedHeap {
  const heap: number[] = [];
  const place = new Int32Array(values.length).fill(-1);
  const isBetter = (a: number, b: number): boolean => {
    const x = values[a]!;
    const y = values[b]!;
    return x > y || (x === y && (order === undefined ? a < b : order[a]! < order[b]!));
  };
  const put = (item: number, at: number): void => {
    heap[at] = item;
    place[item] = at;
  };
  const siftUp = (item: number, from: number): number => {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(item, heap[parent]!)) break;
      put(heap[parent]!, at);
      at = parent;
    }
    put(item, at);
    return at;
  };
  const siftDown = (item: number, from: number): void => {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBetter(heap[child + 1]!, heap[child]!)) child++;
      if (!isBetter(heap[child]!, item)) break;
      put(heap[child]!, at);
      at = child;
    }
    put(item, at);
  };
  return {
    get size() {
      return heap.length;
    },
    push(item) {
      heap.push(item);
      siftUp(item, heap.length - 1);
    },
    update(item) {
      if (place[item]! < 0) return;
      siftDown(item, siftUp(item, place[item]!));
    },
    peek: () => heap[0] ?? -1,
    pop() {
      const best = heap[0] ?? -1;
      if (best < 0) return -1;
      const last = heap.pop()!;
      place[best] = -1;
      if (last !== best) siftDown(last, 0);
      return best;
    },
  };
}
