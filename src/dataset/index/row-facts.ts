import { hashSample, sha256 } from '../canonical.ts';
import { exactJson, isNumber } from '../exact-number.ts';
import type { Format, ReadContext } from '../format.ts';
import type { RawRecord } from '../records/source.ts';
import { isTextOnly, type Sample } from '../sample.ts';

export const QUARANTINED = 1;
const TEXT_ONLY = 2;
export const TOO_DEEP = { code: 'RECORD_TOO_DEEP', reason: 'the record is nested too deeply' };

/** What the index keeps of one row. */
export interface RowFacts {
  /** The row's own id, before it is told apart from an earlier row's. */
  id: string;
  /** SHA-256 of the canonical sample; of the raw bytes for a row that can't be read. */
  hash: Uint8Array;
  /** Bit 0: quarantined; bit 1: text only. */
  flags: number;
  /** `meta.source`, else the first folder of the first medium; null: unknown. */
  source: string | null;
  /** What stands for each of the row's media: {@link mediaKeys}. */
  media: string[];
  /** Why the row can't be used. */
  fault?: { code: string; reason: string };
}

/** Read one record as far as the index needs it. */
export function rowFacts(format: Format, record: RawRecord, context: ReadContext): RowFacts {
  const read = readSample(format, record, context);
  if (read.ok) {
    const { sample, hash } = read;
    return {
      id: sample.id,
      hash,
      flags: isTextOnly(sample) ? TEXT_ONLY : 0,
      source: sourceOf(sample),
      media: mediaKeys(sample),
    };
  }
  return {
    id: guessId(record) ?? `${context.file}#${context.row}`,
    hash: sha256(record.bytes ?? exactJson(record.parsed, 'literal')),
    flags: QUARANTINED,
    source: null,
    media: [],
    fault: { code: read.code, reason: `${read.reason} (byte ${record.offset})` },
  };
}

/**
 * The paths of a sample's media, every frame of a video given as frames; of a medium that stands in the row itself the
 * hash of its text, behind a character that no path has.
 */
function mediaKeys({ media }: Sample): string[] {
  const paths = [...media.images, ...media.videos].flatMap(({ path, frames }) => frames ?? [path]);
  return paths.map((path) => (/^data:/i.test(path) ? `\0${Buffer.from(sha256(path)).toString('hex')}` : path));
}

/** The hash of a row that got another id than its own. */
export function hashUnder(id: string, format: Format, value: unknown, context: ReadContext): Uint8Array {
  const read = format.read(value, context);
  if (!read.ok) throw read.error;
  return hashSample({ ...read.sample, id });
}

function readSample(
  format: Format,
  { parsed }: RawRecord,
  context: ReadContext,
): { ok: true; sample: Sample; hash: Uint8Array } | { ok: false; code: string; reason: string } {
  if (!parsed.ok) return parsed;
  try {
    const read = format.read(parsed.value, context);
    if (!read.ok) return { ok: false, code: read.error.code, reason: read.error.message };
    const { sample } = read;
    return { ok: true, sample, hash: hashSample(sample) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, ...TOO_DEEP };
  }
}

/** The sample's `source` column; without one the first folder of its first image (`gqa/images/1.jpg` is from gqa). */
function sourceOf(sample: Sample): string | null {
  if (Object.hasOwn(sample.meta, 'source') && typeof sample.meta.source === 'string') return sample.meta.source;
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
  return typeof id === 'string' || isNumber(id) ? String(id) : undefined;
}
