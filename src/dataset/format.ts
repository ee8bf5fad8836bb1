import type { WinnowError } from '../base/errors.ts';
import type { ColumnTypes } from './formats/column-types.ts';
import type { MediaLoader } from './media/place-media.ts';
import type { Member } from './records/json-members.ts';
import type { Joiner, RecordSink } from './records/sink.ts';
import type { OpenContext, RecordSource } from './records/source.ts';
import type { Sample } from './sample.ts';

/** What a format looks at to recognise itself: never more than the first records. */
export interface Probe {
  path: string;
  isFolder: boolean;
  /** File names directly inside, when `path` is a folder. */
  entries: string[];
  /** The first bytes of a file (up to 4 KB), unpacked: what binary formats are known by. */
  head: Uint8Array;
  /**
   * How the file is cut into records: one JSON array, JSON lines, one JSON object that holds them all, or not JSON at
   * all.
   */
  container: 'array' | 'lines' | 'object' | 'none';
  /** Of one JSON object: its first members (up to 64). */
  members: Member[];
  /** The first records (up to 20), parsed; of one JSON object, that object. */
  records: unknown[];
}

export interface Sniff {
  /** 0 (no) to 1 (certain). The highest wins; `order` breaks ties. */
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
  /** Types that number columns had in the table that the samples come from. */
  columnTypes?: ColumnTypes;
}

/** One file of the written data set beside the main one (e.g. `dataset_info.json`). */
export interface SideFile {
  name: string;
  content: string;
  /** The content is a JSON object whose keys are set in a file that already exists, instead of replacing it. */
  mergeKeys?: boolean;
}

/**
 * The door for formats: a format maps records to neutral samples and back. Cutting files into records (array, lines)
 * and joining them is the business of the reader and writer in this room, the same for all.
 */
export interface Format {
  readonly name: string;
  /** Its place in lists; of two formats that are equally sure of a file, the one that comes earlier reads it. */
  readonly order: number;
  /** Names that people know it by, beside its own. */
  readonly aliases?: readonly string[];
  /** For people: `LLaVA JSON`. */
  readonly title: string;
  /**
   * Container it writes. `folder` formats have a `listFolder` instead of records in a file; `own` ones `openSource`.
   */
  readonly container: 'array' | 'lines' | 'folder' | 'own';
  /**
   * The container holds bytes of media itself, and may be cut into shards: such formats also read folders. `images`: of
   * images alone, videos lie beside it as files.
   */
  readonly holdsMedia?: 'all' | 'images';
  /** Extension of the main file, with dot. */
  readonly extension: string;
  sniff(probe: Probe): Sniff;
  /**
   * Record to sample, or the error that quarantines the row, with the sample as far as it can be read (the doctor mends
   * it). Must never throw on bad data.
   */
  read(
    record: unknown,
    context: ReadContext,
  ): { ok: true; sample: Sample } | { ok: false; error: WinnowError; sample?: Sample };
  /** Sample to record(s): one for most, several where a row has to be exploded. */
  write(sample: Sample, options: WriteOptions): unknown[];
  /** What this format can't hold of the sample, one short phrase each (`system turn`, `2 images`). Empty: all of it. */
  cannotHold(sample: Sample, options: WriteOptions): string[];
  /** An option under which it would hold some of what it can't otherwise: `dialect=llava-next`. */
  widerOption?(lost: readonly string[]): string | undefined;
  /**
   * Where paths of media are made from something else than the record: the option that would make them paths whose
   * names are among these, and a path under it.
   */
  mediaOption?(
    paths: readonly string[],
    names: readonly string[],
  ): { option: Record<string, string>; path: (old: string) => string } | undefined;
  /** Files beside the main one; `columns` are the column names that the written records have. */
  sideFiles?(mainFile: string, options: WriteOptions, columns: ReadonlySet<string>): SideFile[];
  /** It has a place for both answers of a preference pair; without one the rejected answer is a loss. */
  readonly holdsPreferences?: true;
  /** It has a place for videos that are lists of frames. */
  readonly holdsFrames?: true;
  /** It has a place for `NaN` and `Infinity`; JSON has none. */
  readonly holdsNonFinite?: true;
  /**
   * Its rows are read by a trainer that fills `<bbox>` from `objects`, or kept as they are for one: nothing is filled
   * in.
   */
  readonly keepsObjects?: true;
  /** Pixels that its trainer shrinks an image to before the model's own resize. */
  readonly trainerPixels?: number;
  /** What goes without a word of the trainers it is for, and so is said but refuses nothing (`id`). */
  silentlyDrops?(sample: Sample, options: WriteOptions): string[];
  /** Folder formats: the records, in a stable order. */
  listFolder?(path: string, options: Readonly<Record<string, unknown>>): Promise<{ records: unknown[]; says?: string }>;
  /**
   * Formats whose records don't simply follow one another in a JSON file: opens the file that was probed. `given` is
   * its path as it was given: of a packed file `probe.path` is an unpacked copy, and files beside it are found from
   * `given`.
   */
  openSource?(
    probe: Probe,
    options: Readonly<Record<string, unknown>>,
    given: string,
    context: OpenContext,
  ): Promise<RecordSource>;
  /**
   * Formats of JSON that aren't an array or lines: how the records are joined in the main file, and in files beside it.
   */
  joiner?(mainFile: string, options: WriteOptions): Joiner;
  /**
   * Formats that are written as shards: shards of such names that are there already. They are replaced all together.
   */
  shardsThere?(mainFile: string, options: WriteOptions): string[];
  /** Formats that aren't JSON: where the records that `write` gives go. */
  openSink?(mainFile: string, options: WriteOptions, load: MediaLoader): Promise<RecordSink>;
}
