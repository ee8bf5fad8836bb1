import type { Format } from '../format.ts';
import { parseInLayout } from '../records/json-parse.ts';
import type { JsonLayout } from '../records/json-split.ts';
import type { RecordBlock } from '../records/record-block.ts';
import { type RowFacts, rowFacts } from './row-facts.ts';

/** What is the same for all blocks of a file; plain data. */
export interface BlockContext {
  layout: JsonLayout;
  /** Format name. */
  format: string;
  /** File name for ids of rows that have none. */
  file: string;
  options: Readonly<Record<string, unknown>>;
}

/**
 * Facts of all records of a block; undefined where one isn't JSON and the file isn't lines: its end was a guess then,
 * and with it every record after it.
 */
export function blockFacts(
  { bytes, ends, offsets }: RecordBlock,
  firstRow: number,
  format: Format,
  { layout, file, options }: BlockContext,
): RowFacts[] | undefined {
  const facts: RowFacts[] = [];
  let start = 0;
  for (const [index, end] of ends.entries()) {
    const record = Buffer.from(bytes.buffer, start, end - start);
    const parsed = parseInLayout(record, layout);
    if (!parsed.ok && layout !== 'lines') return undefined;
    const raw = { offset: offsets[index]!, length: end - start, parsed, bytes: record };
    facts.push(rowFacts(format, raw, { file, row: firstRow + index, options }));
    start = end;
  }
  return facts;
}

/** Facts as they are sent between threads: few large arrays instead of many small objects. */
export interface PackedFacts {
  ids: string[];
  hashes: Uint8Array<ArrayBuffer>;
  flags: Uint8Array<ArrayBuffer>;
  sources: (string | null)[];
  media: string[][];
  faults: (readonly [row: number, fault: { code: string; reason: string }])[];
}

export function packFacts(facts: readonly RowFacts[]): PackedFacts {
  const hashes = new Uint8Array(facts.length * 32);
  facts.forEach(({ hash }, row) => {
    hashes.set(hash, row * 32);
  });
  return {
    ids: facts.map(({ id }) => id),
    hashes,
    flags: Uint8Array.from(facts, ({ flags }) => flags),
    sources: facts.map(({ source }) => source),
    media: facts.map(({ media }) => media),
    faults: facts.flatMap(({ fault }, row) => (fault === undefined ? [] : [[row, fault] as const])),
  };
}

export function unpackFacts({ ids, hashes, flags, sources, media, faults }: PackedFacts): RowFacts[] {
  const faultOf = new Map(faults);
  return ids.map((id, row) => {
    const fault = faultOf.get(row);
    const hash = hashes.subarray(row * 32, (row + 1) * 32);
    return { id, hash, flags: flags[row]!, source: sources[row]!, media: media[row]!, fault };
  });
}
