import type { Format } from '../format.ts';
import { isObject } from '../formats/build.ts';
import type { Parsed } from '../records/json-parse.ts';
import type { RecordSource } from '../records/source.ts';
import type { Sample } from '../sample.ts';
import type { RowIndex } from './index-table.ts';
import { QUARANTINED, TOO_DEEP } from './row-facts.ts';

/** One record as it stands in the file, read as far as it can be: what the doctor looks at. */
export interface ScannedRow {
  row: number;
  /** The row's id in the data set (derived or numbered where its own is missing or taken). */
  id: string;
  /** The id that the record itself has; null: it has none. Absent where it can't be known. */
  ownId?: string | null;
  /** The record, or why it can't be parsed. */
  parsed: Parsed;
  /** Its bytes, where the container is text; valid during the visit only. */
  bytes?: Uint8Array;
  /**
   * The sample as far as it can be read: a row whose placeholders and media don't match has one too, with parts that
   * point past the media or media that no part shows. Null where nothing can be made of the record.
   */
  sample: Sample | null;
  /** Why the row can't be used, where it can't. */
  fault?: { code: string; reason: string };
}

interface ScanOptions {
  source: RecordSource;
  format: Format;
  index: RowIndex;
  /** File name, by which rows without an id are called. */
  file: string;
  options: Readonly<Record<string, unknown>>;
}

/** Visit every record of an indexed data set in order, also those that can't be used. */
export async function scanRows(
  { source, format, index, file, options }: ScanOptions,
  visit: (row: ScannedRow) => void,
  signal?: AbortSignal,
): Promise<void> {
  let row = 0;
  await source.scan(({ parsed, bytes }) => {
    const id = index.ids.at(row);
    const raw = { row, id, parsed, bytes };
    if (!parsed.ok) visit({ ...raw, sample: null, fault: { code: parsed.code, reason: parsed.reason } });
    else {
      const read = salvage(() => format.read(parsed.value, { file, row, options }), index.flags[row]!);
      const { sample } = read;
      const derived = sample?.id === `${file}#${row}` && !(isObject(parsed.value) && parsed.value.id === sample.id);
      const ownId = sample === null ? {} : { ownId: derived ? null : sample.id };
      if (sample !== null) sample.id = id;
      visit({ ...raw, ...ownId, ...read });
    }
    row++;
  }, signal);
}

/**
 * What a format makes of a record, with the sample of a refused one where there is any. What only the index refuses
 * could not be hashed.
 */
function salvage(read: () => ReturnType<Format['read']>, flags: number): Pick<ScannedRow, 'sample' | 'fault'> {
  try {
    const result = read();
    if (result.ok) return flags & QUARANTINED ? { sample: null, fault: TOO_DEEP } : { sample: result.sample };
    const { code, message } = result.error;
    return { sample: result.sample ?? null, fault: { code, reason: message } };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { sample: null, fault: TOO_DEEP };
  }
}
