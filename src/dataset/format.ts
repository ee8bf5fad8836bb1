import type { WinnowError } from './errors.ts';
import type { Sample } from './sample.ts';

/** What a format looks at to recognise itself: never more than the first records. */
export interface Probe {
  path: string;
  isFolder: boolean;
  /** File names directly inside, when `path` is a folder. */
  entries: string[];
  /** How the file is cut into records: one JSON array, JSON lines, or not JSON at all. */
  container: 'array' | 'lines' | 'none';
  /** The first records (up to 20), parsed. */
  records: unknown[];
}

export interface Sniff {
  /** 0 (no) to 1 (certain). The highest wins; the order of the registry breaks ties. */
  confidence: number;
  /** What was seen, for people. */
  because: string;
}

/** What a reader needs beside the record itself. */
export interface ReadContext {
  file: string;
  row: number;
  /** Options such as a column map; each format says which it knows. */
  options: Readonly<Record<string, unknown>>;
}

export interface WriteOptions {
  /** Extra options of the format, e.g. `dialect: 'llava-next'`. */
  options: Readonly<Record<string, unknown>>;
  /** JSON indentation of a `.json` array. @default 1 */
  indent?: number;
}

/** One file of the written data set beside the main one (e.g. `dataset_info.json`). */
export interface SideFile {
  name: string;
  content: string;
  /** The content is a JSON object whose keys are set in a file that already exists, instead of replacing it. */
  mergeKeys?: boolean;
}

/**
 * The door for formats: a format maps records to neutral samples and back. Cutting files into records (array, lines) and
 * joining them is the business of the reader and writer in this room, the same for all.
 */
export interface Format {
  readonly name: string;
  /** For people: `LLaVA JSON`. */
  readonly title: string;
  /** Container it writes. `folder` formats have a `listFolder` instead of records in a file. */
  readonly container: 'array' | 'lines' | 'folder';
  /** Extension of the main file, with dot. */
  readonly extension: string;
  sniff(probe: Probe): Sniff;
  /**
   * Record to sample, or the error that quarantines the row, with the sample as far as it can be read (the doctor mends it).
   * Must never throw on bad data.
   */
  read(
    record: unknown,
    context: ReadContext,
  ): { ok: true; sample: Sample } | { ok: false; error: WinnowError; sample?: Sample };
  /** Sample to record(s): one for most, several where a row has to be exploded. */
  write(sample: Sample, options: WriteOptions): unknown[];
  /** What this format can't hold of the sample, one short phrase each (`system turn`, `2 images`). Empty: all of it. */
  cannotHold(sample: Sample, options: WriteOptions): string[];
  /** Files beside the main one; `columns` are the column names that the written records have. */
  sideFiles?(mainFile: string, options: WriteOptions, columns: ReadonlySet<string>): SideFile[];
  /** Folder formats: the records, in a stable order. */
  listFolder?(path: string): Promise<unknown[]>;
}
