import type { Parsed } from './json-parse.ts';
import type { Sample } from './sample.ts';

/** One record as it stands in the file, read as far as it can be: what the doctor looks at. */
export interface ScannedRow {
  row: number;
  /** The row's id in the data set (derived or numbered where its own is missing or taken). */
  id: string;
  /** The record, or why it can't be parsed. */
  parsed: Parsed;
  /** Its bytes, where the container is text; valid during the visit only. */
  bytes?: Uint8Array;
  /**
   * The sample as far as it can be read: a row whose placeholders and media don't match has one too, with parts that point
   * past the media or media that no part shows. Null where nothing can be made of the record.
   */
  sample: Sample | null;
  /** Why the row can't be used, where it can't. */
  fault?: { code: string; reason: string };
}
