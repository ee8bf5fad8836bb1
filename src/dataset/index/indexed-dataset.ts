import type { WinnowError } from '../../base/errors.ts';
import type { BatchOptions, Dataset, SampleBatch } from '../dataset.ts';
import { isNumber } from '../exact-number.ts';
import type { Format } from '../format.ts';
import { isObject } from '../formats/build.ts';
import type { FetchedMedia } from '../media/media.ts';
import type { RecordSource } from '../records/source.ts';
import type { Sample } from '../sample.ts';
import type { RowIndex } from './index-table.ts';
import { QUARANTINED } from './row-facts.ts';
import { scanRows } from './scan.ts';

/** A data set's records with their index, and what is said about it. */
export interface Indexed {
  name: string;
  path: string;
  /** What rows without an id are called after. */
  file: string;
  detected: string;
  mediaRoot: string;
  allow: readonly string[];
  found: ((path: string) => string | undefined) | undefined;
  fetched: ((url: string) => FetchedMedia | undefined) | undefined;
  cacheFiles: readonly string[];
  format: Format;
  options: Readonly<Record<string, unknown>>;
  index: RowIndex;
  source: RecordSource;
  embedded?: string;
}

/** The data set that reads its rows by their places in the index. */
export function indexedDataset({ index, source, format, options, file, ...about }: Indexed): Dataset {
  let ids: string[] | undefined;
  let mismatched: Set<number> | undefined;
  const isMismatched = (row: number): boolean => {
    mismatched ??= new Set(index.quarantined.filter((q) => q.code === 'PLACEHOLDER_COUNT').map((q) => q.row));
    return mismatched.has(row);
  };
  const read = (rows: readonly number[], salvage = false): (Sample | null)[] => {
    const isUsable = (row: number): boolean =>
      (index.flags[row]! & QUARANTINED) === 0 || (salvage && isMismatched(row));
    const good = rows.filter((row) => row >= 0 && row < index.rows && isUsable(row));
    const records = source.read(good.map((row) => ({ offset: index.offsets[row]!, length: index.lengths[row]! })));
    const samples = new Map<number, Sample>();
    for (const [at, row] of good.entries()) {
      const result = format.read(records[at], { file, row, options });
      const sample = result.ok || salvage ? result.sample : undefined;
      if (sample === undefined) throw (result as { error: WinnowError }).error;
      const id = index.ids.at(row);
      // An id that was told apart from another row's is no number any more.
      if (id === sample.id && hasNumericId(records[at])) sample.numericId = true;
      sample.id = id;
      samples.set(row, sample);
    }
    return rows.map((row) => samples.get(row) ?? null);
  };
  const hashes = (start: number, end: number): string =>
    Buffer.from(index.hashes.buffer, index.hashes.byteOffset + start * 32, (end - start) * 32).toString('hex');
  return {
    name: about.name,
    path: about.path,
    format: format.name,
    detected: about.detected,
    mediaRoot: about.mediaRoot,
    allow: about.allow,
    found: about.found,
    fetched: about.fetched,
    cacheFiles: about.cacheFiles,
    columnTypes: source.columnTypes,
    embedded: about.embedded,
    rows: index.rows,
    hash: index.hash,
    options,
    get ids() {
      ids ??= Array.from({ length: index.rows }, (_, row) => index.ids.at(row));
      return ids;
    },
    rowHash: (row) => hashes(row, row + 1),
    rowHashes: hashes,
    rowOf: (id) => index.ids.rowOf(id),
    quarantined: index.quarantined,
    rowFlags: index.flags,
    media: {
      size: index.mediaKeys.size,
      at: (medium) => index.mediaKeys.at(medium),
      of: (row) => index.media.subarray(row === 0 ? 0 : index.mediaEnds[row - 1]!, index.mediaEnds[row]!),
    },
    sourceOf: (row) => (index.sources[row]! < 0 ? null : index.sourceNames[index.sources[row]!]!),
    async *batches({
      size = 1024,
      start = 0,
      end = index.rows,
      salvage = false,
      signal,
    }: BatchOptions = {}): AsyncGenerator<SampleBatch> {
      const last = Math.min(end, index.rows);
      for (let first = Math.max(0, start); first < last; first += size) {
        signal?.throwIfAborted();
        const rows = Array.from({ length: Math.min(size, last - first) }, (_, i) => first + i);
        yield { start: first, samples: read(rows, salvage) };
      }
    },
    scan: (visit, signal) => scanRows({ source, format, index, file, options }, visit, signal),
    get: async (rows) => read(rows),
    async close() {
      source.close();
    },
  };
}

function hasNumericId(record: unknown): boolean {
  return isObject(record) && isNumber(record.id);
}
