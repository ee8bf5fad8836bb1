import { createHash } from 'node:crypto';
import { hashSample, sha256, sortKeys } from './canonical.ts';
import type { Quarantined } from './errors.ts';
import type { Format, ReadContext } from './format.ts';
import { createIdTable, type IdTable } from './id-table.ts';
import { isTextOnly, type Sample } from './sample.ts';
import type { RawRecord, RecordSource } from './source.ts';

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
}

export const QUARANTINED = 1;
const TEXT_ONLY = 2;

export interface BuildOptions {
  source: RecordSource;
  format: Format;
  /** File name for ids of rows that have none. */
  file: string;
  options: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
  progress?: (rows: number, bytes: number) => void;
}

/** Read every record once. A record that can't be read keeps its row and is listed with its reason. */
export async function buildIndex({ source, format, file, options, signal, progress }: BuildOptions): Promise<RowIndex> {
  const ids = createIdTable();
  const quarantined: Quarantined[] = [];
  const sourceNames = new Map<string, number>();
  let room = 1024;
  let offsets = new Float64Array(room);
  let lengths = new Float64Array(room);
  let hashes = new Uint8Array(room * 32);
  let flags = new Uint8Array(room);
  let sources = new Int32Array(room);
  let row = 0;

  const grow = (): void => {
    room *= 2;
    offsets = enlarge(offsets, new Float64Array(room));
    lengths = enlarge(lengths, new Float64Array(room));
    hashes = enlarge(hashes, new Uint8Array(room * 32));
    flags = enlarge(flags, new Uint8Array(room));
    sources = enlarge(sources, new Int32Array(room));
  };
  const visit = (record: RawRecord): void => {
    if (row === room) grow();
    offsets[row] = record.offset;
    lengths[row] = record.length;
    sources[row] = -1;
    const read = readRow(format, record, { file, row, options }, ids);
    if (read.ok) {
      const { sample, hash } = read;
      hashes.set(hash, row * 32);
      if (isTextOnly(sample)) flags[row] = TEXT_ONLY;
      const name = sourceOf(sample);
      if (name !== null) {
        if (!sourceNames.has(name)) sourceNames.set(name, sourceNames.size);
        sources[row] = sourceNames.get(name)!;
      }
    } else {
      const id = ids.add(guessId(record) ?? `${file}#${row}`);
      flags[row] = QUARANTINED;
      hashes.set(sha256(record.bytes ?? JSON.stringify(record.parsed)), row * 32);
      quarantined.push({ row, id, code: read.code, reason: `${read.reason} (byte ${record.offset})` });
    }
    row++;
    if (row % 4096 === 0) progress?.(row, record.offset);
  };
  await source.scan(visit, signal);
  progress?.(row, row === 0 ? 0 : offsets[row - 1]! + lengths[row - 1]!);
  return {
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
  };
}

/** The row's sample under its final id, with its hash; or why there is none. */
function readRow(
  format: Format,
  { parsed }: RawRecord,
  context: ReadContext,
  ids: IdTable,
): { ok: true; sample: Sample; hash: Uint8Array } | { ok: false; code: string; reason: string } {
  if (!parsed.ok) return parsed;
  try {
    const read = format.read(parsed.value, context);
    if (!read.ok) return { ok: false, code: read.error.code, reason: read.error.message };
    const { sample } = read;
    // A row nested too deeply to be hashed fails here, before it takes an id.
    if (Object.keys(sample.meta).length > 0) JSON.stringify(sortKeys(sample.meta));
    sample.id = ids.add(sample.id);
    return { ok: true, sample, hash: hashSample(sample) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, code: 'RECORD_TOO_DEEP', reason: 'the record is nested too deeply' };
  }
}

function enlarge<T extends Float64Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The sample's `source` column; without one the first folder of its first image (`gqa/images/1.jpg` is from gqa). */
function sourceOf(sample: Sample): string | null {
  if (typeof sample.meta.source === 'string') return sample.meta.source;
  const path = sample.media.images[0]?.path ?? sample.media.videos[0]?.path;
  if (path === undefined || /^(\/|[a-z]+:)/i.test(path)) return null;
  const parts = path.replace(/^(\.\/)+/, '').split('/');
  return parts.length > 1 ? parts[0]! : null;
}

/** The id of a record that didn't fit its format; of one that isn't JSON, the one it begins with. */
function guessId({ parsed, bytes }: RawRecord): string | undefined {
  if (!parsed.ok) {
    const head = bytes === undefined ? '' : Buffer.from(bytes.subarray(0, 200)).toString('utf8');
    const [, text, number] = /^\s*\{\s*"id"\s*:\s*(?:"([^"\\\uFFFD]+)"|(\d+))/.exec(head) ?? [];
    return text ?? number;
  }
  if (typeof parsed.value !== 'object' || parsed.value === null) return undefined;
  const id = (parsed.value as Record<string, unknown>).id;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}
