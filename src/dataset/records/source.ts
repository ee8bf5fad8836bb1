import type { ColumnTypes } from '../formats/column-types.ts';
import type { Parsed } from './json-parse.ts';
import type { BlockedRecords } from './record-block.ts';

/** Where a record stands. For JSON a byte range; other containers use the two numbers as they need them. */
export interface Span {
  offset: number;
  length: number;
}

/** A record on its way into the index. */
export interface RawRecord extends Span {
  parsed: Parsed;
  /** The bytes as they stand, while they are at hand: what a row that can't be read is known by. */
  bytes?: Uint8Array;
}

/** What opening a container may use and tell. */
export interface OpenContext {
  /** Where something that took time may be kept for the next opening. */
  cacheDir?: string;
  signal?: AbortSignal;
  /** While it is unpacked: how much of how much. */
  progress?: (done: number, total: number) => void;
}

/** The inside of a container: cuts it into records once, then gives records by their spans. */
export interface RecordSource {
  /** What the index depends on beside the file itself, e.g. size and time of a second file. */
  identity?: unknown;
  /** Folder of the media that stood inside of the container. */
  embedded?: string;
  /** Types of number columns, where the container has them. */
  columnTypes?: ColumnTypes;
  /** What was kept in `OpenContext.cacheDir`. */
  kept?: string;
  /** What was found beside the file, for people. */
  says?: string;
  /** Removes what was kept, if this opening made it: for a file that is refused. */
  discard?(): void;
  /** All records in order. `visit` must be done with `bytes` when it returns. */
  scan(visit: (record: RawRecord) => void, signal?: AbortSignal): Promise<void>;
  /** What must be done once before `read` where nothing was scanned (the index came from the cache). */
  ready?(signal?: AbortSignal): Promise<void>;
  /** For a plain JSON file: its records for other threads to parse. */
  blocked?: BlockedRecords;
  /** Parsed records of the given spans; throws `DATASET_CHANGED` where the file isn't the one that was indexed. */
  read(spans: readonly Span[]): unknown[];
  close(): void;
}
