import type { JsonLayout, RecordSpan } from './json-split.ts';
import type { ByteWindow } from './json-window.ts';

/** Consecutive records with a copy of their bytes, one after the other: what is sent to another thread. */
export interface RecordBlock {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each record ends in `bytes`. */
  ends: Uint32Array<ArrayBuffer>;
  /** Where each record stands in the file. */
  offsets: Float64Array<ArrayBuffer>;
}

/** A JSON file whose records can be parsed by other threads. */
export interface BlockedRecords {
  /** Bytes of the file. */
  size: number;
  layout: JsonLayout;
  /** All records in order. Undefined, and nothing after it: the next record is damaged, or the file ends too early. */
  blocks(): Iterable<RecordBlock | undefined>;
}

/** Bytes of a block: large enough that sending it costs nothing, small enough that a few of them don't matter. */
const BLOCK_BYTES = 1 << 20;

/** Gather the records that a splitter finds into blocks; ends with undefined at the first one that is damaged. */
export function* recordBlocks(
  window: ByteWindow,
  spans: Generator<RecordSpan, void, boolean | undefined>,
): Generator<RecordBlock | undefined> {
  let bytes = new Uint8Array(BLOCK_BYTES);
  let [filled, ends, offsets]: [number, number[], number[]] = [0, [], []];
  for (let step = spans.next(); !step.done; step = spans.next(true)) {
    const { start, end, offset, damage } = step.value;
    if (damage !== undefined) {
      yield undefined;
      return;
    }
    if (filled + (end - start) > bytes.length && ends.length > 0) {
      yield { bytes, ends: Uint32Array.from(ends), offsets: Float64Array.from(offsets) };
      [filled, ends, offsets] = [0, [], []];
      bytes = new Uint8Array(Math.max(BLOCK_BYTES, end - start));
    } else if (end - start > bytes.length) bytes = new Uint8Array(end - start);
    bytes.set(window.bytes.subarray(start, end), filled);
    filled += end - start;
    ends.push(filled);
    offsets.push(offset);
  }
  if (ends.length > 0) yield { bytes, ends: Uint32Array.from(ends), offsets: Float64Array.from(offsets) };
}
