import { readFileSync } from 'node:fs';
import type { Quarantined } from '../../base/errors.ts';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import { checksum } from '../../base/files/checksum.ts';
import { createIdTable } from './id-table.ts';
import type { RowIndex } from './index-table.ts';

const MAGIC = 'WINNOWIX';
/** Raise when the layout, a reader's results or the hash of a sample change. */
export const INDEX_VERSION = 5;

interface Header {
  rows: number;
  hash: string;
  sourceNames: string[];
  quarantined: Quarantined[];
  /** Byte length of each section, in the order of `sections`. */
  sizes: number[];
}

/** Write the index whole or not at all: magic, header length, header (JSON), the arrays at 8-byte steps, then a
 * CRC-32 of all of it. */
export async function saveIndex(path: string, index: RowIndex): Promise<void> {
  const ids = index.ids.freeze();
  const keys = index.mediaKeys.freeze();
  const sections = [
    index.offsets,
    index.lengths,
    ids.ends,
    index.sources,
    index.flags,
    index.hashes,
    ids.text,
    keys.ends,
    keys.text,
    index.media,
    index.mediaEnds,
  ].map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const header: Header = {
    rows: index.rows,
    hash: index.hash,
    sourceNames: index.sourceNames,
    quarantined: index.quarantined,
    sizes: sections.map((section) => section.length),
  };
  const text = Buffer.from(JSON.stringify(header));
  const lead = Buffer.alloc(16);
  lead.write(MAGIC);
  lead.writeUInt32LE(INDEX_VERSION, 8);
  lead.writeUInt32LE(text.length, 12);
  const parts: Uint8Array[] = [lead, text, padding(text.length)];
  for (const section of sections) parts.push(section, padding(section.length));
  const sum = Buffer.alloc(8);
  sum.writeUInt32LE(checksum(parts));
  parts.push(sum);
  await writeFileAtomic(path, Buffer.concat(parts));
}

/**
 * The saved index, or undefined where there is none, or one that is damaged or of another version (it is then made
 * again).
 */
export function loadIndex(path: string): RowIndex | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return undefined;
  }
  if (file.length < 24 || file.toString('latin1', 0, 8) !== MAGIC || file.readUInt32LE(8) !== INDEX_VERSION)
    return undefined;
  if (
    checksum([file.subarray(0, -8)]) !== file.readUInt32LE(file.length - 8) ||
    file.readUInt32LE(file.length - 4) !== 0
  )
    return undefined;
  try {
    const headerLength = file.readUInt32LE(12);
    const header = JSON.parse(file.toString('utf8', 16, 16 + headerLength)) as Header;
    let at = 16 + headerLength + padding(headerLength).length;
    const sections = header.sizes.map((size) => {
      const start = at;
      at += size + padding(size).length;
      return file.buffer.slice(file.byteOffset + start, file.byteOffset + start + size);
    });
    if (at !== file.length - 8) return undefined;
    const [offsets, lengths, ends, sources, flags, hashes, text, keyEnds, keyText, media, mediaEnds] = sections as [
      ArrayBuffer,
      ...ArrayBuffer[],
    ];
    return {
      rows: header.rows,
      hash: header.hash,
      sourceNames: header.sourceNames,
      quarantined: header.quarantined,
      offsets: new Float64Array(offsets),
      lengths: new Float64Array(lengths!),
      ids: createIdTable({ ends: new Float64Array(ends!), text: new Uint8Array(text!) }),
      sources: new Int32Array(sources!),
      flags: new Uint8Array(flags!),
      hashes: new Uint8Array(hashes!),
      mediaKeys: createIdTable({ ends: new Float64Array(keyEnds!), text: new Uint8Array(keyText!) }),
      media: new Int32Array(media!),
      mediaEnds: new Float64Array(mediaEnds!),
    };
  } catch {
    return undefined;
  }
}

function padding(length: number): Uint8Array {
  return new Uint8Array((8 - (length % 8)) % 8);
}
