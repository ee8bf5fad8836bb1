import type { Quarantined } from '../base/errors.ts';
import type { ColumnTypes } from './formats/column-types.ts';
import type { ScannedRow } from './index/scan.ts';
import type { FetchedMedia } from './media/media.ts';
import type { Sample } from './sample.ts';

/** Consecutive rows of a data set. `samples[i]` is row `start + i`, or null where that row is quarantined. */
export interface SampleBatch {
  start: number;
  samples: (Sample | null)[];
}

export interface BatchOptions {
  /** Rows a batch. @default 1024 */
  size?: number;
  /** First row. @default 0 */
  start?: number;
  /** One past the last row. @default rows */
  end?: number;
  /**
   * Also rows whose placeholders and media don't match, as far as they can be read: only what mends them wants that.
   * @default false
   */
  salvage?: boolean;
  signal?: AbortSignal;
}

/** The media of a data set's rows, each medium once. */
export interface MediaColumn {
  readonly size: number;
  /** A medium's path; of one that stands in the rows themselves `\0` and a hash of it. */
  at(medium: number): string;
  /** The media of a row in order, every frame of a video given as frames; of a quarantined row none. */
  of(row: number): Int32Array;
}

/**
 * An opened, indexed data set: stable rows 0..rows-1, each known by id and hash, read by byte offset.
 * A row that can't be parsed keeps its number and is listed in `quarantined`.
 */
export interface Dataset {
  readonly name: string;
  /** Absolute path of the file or folder. */
  readonly path: string;
  /** Format name as registered in `formats/`, e.g. `llava`. */
  readonly format: string;
  /** Why this format was chosen, for people: `detected: JSON array whose records have "conversations" and "image"`. */
  readonly detected: string;
  /** Absolute folder that relative media paths join to. Reading outside of it is refused. */
  readonly mediaRoot: string;
  /** Further absolute folders that links inside the media root may lead to. */
  readonly allow?: readonly string[];
  /** Where a medium was found whose path leads nowhere, relative to the media root. */
  readonly found?: (path: string) => string | undefined;
  /** URLs that were fetched when somebody asked for it. */
  readonly fetched?: (url: string) => FetchedMedia | undefined;
  /** Files that were kept for the next opening: the index, and the unpacked copy of a packed file. */
  readonly cacheFiles: readonly string[];
  /** Folder of the media that stood inside of the data set's own files. */
  readonly embedded?: string;
  /** Types of the number columns, where the data set is a table that has them. */
  readonly columnTypes?: ColumnTypes;
  readonly rows: number;
  /** SHA-256 over the row hashes in order. */
  readonly hash: string;
  /** Options of the format in force, with those that a registry beside the file gives. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Ids in row order; quarantined rows have one too. */
  readonly ids: readonly string[];
  /** SHA-256 (hex) of each row's canonical sample; of its raw bytes for a quarantined row. */
  rowHash(row: number): string;
  /** The hashes of rows `[start, end)`, one after the other. */
  rowHashes(start: number, end: number): string;
  /** Row of an id, or -1. */
  rowOf(id: string): number;
  readonly quarantined: readonly Quarantined[];
  /** One byte a row. Bit 0: quarantined; bit 1: text only. */
  readonly rowFlags: Uint8Array;
  /** The media of all rows, from the index alone. */
  readonly media: MediaColumn;
  /** `meta.source`, else the first folder of the first medium; null: unknown. */
  sourceOf(row: number): string | null;
  batches(options?: BatchOptions): AsyncIterable<SampleBatch>;
  /** Every record in order as it stands in the file, also what can't be used: one pass over the whole file. */
  scan(visit: (row: ScannedRow) => void, signal?: AbortSignal): Promise<void>;
  /** Samples of the given rows, in that order; null where quarantined. 100 scattered rows cost milliseconds. */
  get(rows: readonly number[]): Promise<(Sample | null)[]>;
  close(): Promise<void>;
}

/** What selectors need to know of the rows themselves. */
export interface DatasetColumns {
  /** 1 where the row has no image and no video. */
  textOnly: Uint8Array;
  source: (string | null)[];
  /** Rows that can't be chosen, with the reason. */
  quarantined: ReadonlyMap<number, string>;
}

/** Text-only flag, source and quarantine of all rows, from the index alone. */
export function datasetColumns(dataset: Dataset): DatasetColumns {
  return {
    textOnly: dataset.rowFlags.map((flags) => (flags >> 1) & 1),
    source: Array.from({ length: dataset.rows }, (_, row) => dataset.sourceOf(row)),
    quarantined: new Map(dataset.quarantined.map((item) => [item.row, item.reason])),
  };
}
