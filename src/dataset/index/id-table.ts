/**
 * Ids of all rows in two flat arrays and an open-addressing table: 5 million ids cost their text and about 16 bytes
 * each.
 */
export interface IdTable {
  readonly size: number;
  /** Append the next row's id. A duplicate gets `~2`, `~3` ...; returns the id in force. */
  add(id: string): string;
  at(row: number): string;
  /** Row of an id, or -1. */
  rowOf(id: string): number;
  /** Text and end offsets, for the index file. */
  freeze(): { text: Uint8Array; ends: Float64Array };
}

/** An empty table, or one from `freeze`d arrays (its hash table is made at the first look-up). */
export function createIdTable(from?: { text: Uint8Array; ends: Float64Array }): IdTable {
  let text = Buffer.from(
    from?.text.buffer ?? new ArrayBuffer(1 << 16),
    from?.text.byteOffset ?? 0,
    from?.text.byteLength ?? 1 << 16,
  );
  let ends = from?.ends ?? new Float64Array(1024);
  let size = from?.ends.length ?? 0;
  let slots: Int32Array | undefined;
  let repeats: Map<string, number> | undefined;

  const startOf = (row: number): number => (row === 0 ? 0 : ends[row - 1]!);
  const at = (row: number): string => text.toString('utf8', startOf(row), ends[row]!);

  /** Slot that holds `bytes`, or the free one where it would go. */
  const slotOf = (table: Int32Array, bytes: Uint8Array): number => {
    const mask = table.length - 1;
    for (let slot = fnv1a(bytes) & mask; ; slot = (slot + 1) & mask) {
      const row = table[slot]! - 1;
      if (row < 0) return slot;
      const start = startOf(row);
      if (ends[row]! - start === bytes.length && text.compare(bytes, 0, bytes.length, start, ends[row]!) === 0)
        return slot;
    }
  };
  const tableOf = (room: number): Int32Array => {
    if (slots !== undefined && slots.length >= room * 2) return slots;
    const table = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(1024, room * 2) + 1)));
    for (let row = 0; row < size; row++) table[slotOf(table, text.subarray(startOf(row), ends[row]!))] = row + 1;
    slots = table;
    return table;
  };

  return {
    get size() {
      return size;
    },
    add(id) {
      const table = tableOf(size + 1);
      let name = id;
      let bytes = Buffer.from(name);
      let slot = slotOf(table, bytes);
      if (table[slot] !== 0) {
        repeats ??= new Map();
        let n = repeats.get(id) ?? 1;
        while (table[slot] !== 0) {
          name = `${id}~${++n}`;
          bytes = Buffer.from(name);
          slot = slotOf(table, bytes);
        }
        repeats.set(id, n);
      }
      const start = size === 0 ? 0 : ends[size - 1]!;
      if (start + bytes.length > text.length) {
        const larger = Buffer.alloc(Math.max(text.length * 2, start + bytes.length));
        text.copy(larger);
        text = larger;
      }
      if (size === ends.length) {
        const larger = new Float64Array(size * 2);
        larger.set(ends);
        ends = larger;
      }
      bytes.copy(text, start);
      ends[size] = start + bytes.length;
      table[slot] = ++size;
      return name;
    },
    at,
    rowOf: (id) => {
      const table = tableOf(size);
      return table[slotOf(table, Buffer.from(id))]! - 1;
    },
    freeze: () => ({ text: text.subarray(0, size === 0 ? 0 : ends[size - 1]!), ends: ends.slice(0, size) }),
  };
}

function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash ^ (hash >>> 15);
}
