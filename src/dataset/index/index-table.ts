import { createHash } from 'node:crypto';
import type { Quarantined } from '../../base/errors.ts';
import type { Format } from '../format.ts';
import type { RecordSource, Span } from '../records/source.ts';
import { createIdTable, type IdTable } from './id-table.ts';
import type { RowFacts } from './row-facts.ts';

/** What an index is made of. */
export interface BuildOptions {
  source: RecordSource;
  format: Format;
  /** File name for ids of rows that have none. */
  file: string;
  options: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
  progress?: (rows: number, bytes: number) => void;
}

/** Everything known of every row, in flat arrays: about 60 bytes a row and the ids. */
export interface RowIndex {
  rows: number;
  /** SHA-256 over the row hashes in order. */
  hash: string;
  ids: IdTable;
  offsets: Float64Array;
  lengths: Float64Array;
  /** 32 bytes a row. */
  hashes: Uint8Array;
  /** Bit 0: quarantined; bit 1: text only. */
  flags: Uint8Array;
  /** Index into `sourceNames`, or -1. */
  sources: Int32Array;
  sourceNames: string[];
  quarantined: Quarantined[];
  /** Every medium once, by its key. */
  mediaKeys: IdTable;
  /** The media of all rows, as rows of `mediaKeys`. */
  media: Int32Array;
  /** Where in `media` those of each row end. */
  mediaEnds: Float64Array;
}

/** An index that grows by one row after the other. */
export interface IndexTable {
  readonly rows: number;
  /**
   * Append a row. Where its id is taken it gets another one, and `rehash` gives the hash under it.
   */
  add(span: Span, facts: RowFacts, rehash: (id: string) => Uint8Array): void;
  finish(): RowIndex;
}

export function createIndexTable(): IndexTable {
  const ids = createIdTable();
  const quarantined: Quarantined[] = [];
  const sourceNames = new Map<string, number>();
  let room = 1024;
  let offsets = new Float64Array(room);
  let lengths = new Float64Array(room);
  let hashes = new Uint8Array(room * 32);
  let flags = new Uint8Array(room);
  let sources = new Int32Array(room);
  const mediaKeys = createIdTable();
  let media = new Int32Array(room);
  let mediaEnds = new Float64Array(room);
  let mediaCount = 0;
  let row = 0;

  const grow = (): void => {
    room *= 2;
    offsets = enlarge(offsets, new Float64Array(room));
    lengths = enlarge(lengths, new Float64Array(room));
    hashes = enlarge(hashes, new Uint8Array(room * 32));
    flags = enlarge(flags, new Uint8Array(room));
    sources = enlarge(sources, new Int32Array(room));
    mediaEnds = enlarge(mediaEnds, new Float64Array(room));
  };
  const addMedium = (key: string): void => {
    if (mediaCount === media.length) media = enlarge(media, new Int32Array(media.length * 2));
    const known = mediaKeys.rowOf(key);
    media[mediaCount++] = known < 0 ? mediaKeys.size : known;
    if (known < 0) mediaKeys.add(key);
  };
  const sourceNumber = (name: string): number => {
    if (!sourceNames.has(name)) sourceNames.set(name, sourceNames.size);
    return sourceNames.get(name)!;
  };
  return {
    get rows() {
      return row;
    },
    add({ offset, length }, { id: own, hash, flags: flag, source, media: keys, fault }, rehash) {
      if (row === room) grow();
      const id = ids.add(own);
      offsets[row] = offset;
      lengths[row] = length;
      flags[row] = flag;
      sources[row] = source === null ? -1 : sourceNumber(source);
      hashes.set(id === own || fault !== undefined ? hash : rehash(id), row * 32);
      for (const key of keys) addMedium(key);
      mediaEnds[row] = mediaCount;
      if (fault !== undefined) quarantined.push({ row, id, ...fault });
      row++;
    },
    finish: () => ({
      rows: row,
      hash: createHash('sha256')
        .update(hashes.subarray(0, row * 32))
        .digest('hex'),
      ids,
      offsets: offsets.slice(0, row),
      lengths: lengths.slice(0, row),
      hashes: hashes.slice(0, row * 32),
      flags: flags.slice(0, row),
      sources: sources.slice(0, row),
      sourceNames: [...sourceNames.keys()],
      quarantined,
      mediaKeys,
      media: media.slice(0, mediaCount),
      mediaEnds: mediaEnds.slice(0, row),
    }),
  };
}

function enlarge<T extends Float64Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
