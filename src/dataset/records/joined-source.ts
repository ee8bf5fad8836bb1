import { exactJson } from '../exact-number.ts';
import type { RawRecord, RecordSource, Span } from './source.ts';

export interface Join {
  /** What a record of the first source refers to; undefined: nothing. */
  key(record: unknown): string | undefined;
  /** What a record of the second source is called. */
  name(record: unknown): string | undefined;
  /** The field in which the second record is put into the first; a list where several are called so. */
  as: string;
}

/**
 * The records of one source, each with the record of another that it refers to: annotations with their images,
 * questions with their answers. Of the second only the places are kept in memory.
 */
export function joinedSource(main: RecordSource, other: RecordSource, join: Join): RecordSource {
  let places: Promise<Map<string, Span | Span[]>> | undefined;
  let known = new Map<string, Span | Span[]>();
  const ready = async (signal?: AbortSignal): Promise<void> => {
    places ??= placesOf(other, join, signal);
    known = await places;
  };
  const joined = (record: unknown): unknown => {
    const key = join.key(record);
    const span = key === undefined ? undefined : known.get(key);
    if (span === undefined) return record;
    const found = Array.isArray(span) ? distinct(other.read(span)) : other.read([span])[0];
    return { ...(record as object), [join.as]: found };
  };
  return {
    async scan(visit, signal) {
      await ready(signal);
      await main.scan((raw: RawRecord) => {
        visit(raw.parsed.ok ? { ...raw, parsed: { ...raw.parsed, value: joined(raw.parsed.value) } } : raw);
      }, signal);
    },
    ready,
    read: (spans) => main.read(spans).map(joined),
    close() {
      main.close();
      other.close();
    },
  };
}

/** One record where all say the same. */
function distinct(records: readonly unknown[]): unknown {
  const texts = new Set(records.map((record) => exactJson(record)));
  return texts.size === 1 ? records[0] : records;
}

async function placesOf(source: RecordSource, join: Join, signal?: AbortSignal): Promise<Map<string, Span | Span[]>> {
  const places = new Map<string, Span | Span[]>();
  await source.scan(({ parsed, offset, length }) => {
    const name = parsed.ok ? join.name(parsed.value) : undefined;
    if (name === undefined) return;
    const before = places.get(name);
    places.set(name, before === undefined ? { offset, length } : [before, { offset, length }].flat());
  }, signal);
  return places;
}
