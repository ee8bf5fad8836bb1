import type { RawRecord, RecordSource, Span } from './source.ts';

export interface Join {
  /** What a record of the first source refers to; undefined: nothing. */
  key(record: unknown): string | undefined;
  /** What a record of the second source is called. */
  name(record: unknown): string | undefined;
  /** The field in which the second record is put into the first. */
  as: string;
}

/**
 * The records of one source, each with the record of another that it refers to: annotations with their images,
 * questions with their answers. Of the second only the places are kept in memory.
 */
export function joinedSource(main: RecordSource, other: RecordSource, join: Join): RecordSource {
  let places: Promise<Map<string, Span>> | undefined;
  let known = new Map<string, Span>();
  const ready = async (signal?: AbortSignal): Promise<void> => {
    places ??= placesOf(other, join, signal);
    known = await places;
  };
  const joined = (record: unknown): unknown => {
    const key = join.key(record);
    const span = key === undefined ? undefined : known.get(key);
    return span === undefined ? record : { ...(record as object), [join.as]: other.read([span])[0] };
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

async function placesOf(source: RecordSource, join: Join, signal?: AbortSignal): Promise<Map<string, Span>> {
  const places = new Map<string, Span>();
  await source.scan(({ parsed, offset, length }) => {
    const name = parsed.ok ? join.name(parsed.value) : undefined;
    if (name !== undefined) places.set(name, { offset, length });
  }, signal);
  return places;
}
