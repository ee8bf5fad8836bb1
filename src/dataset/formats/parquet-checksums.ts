import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** The bytes of one column in one row group: pages, one after another. */
export interface ColumnChunk {
  start: number;
  end: number;
}

/** Headers are some dozen bytes, or a few KB with statistics. */
const HEADER_BYTES = 1 << 16;
const PIECE_BYTES = 1 << 20;

/**
 * Offset of the first page whose bytes differ from the checksum in its header; undefined where none does. Checksums are
 * optional, and a column whose first page has none is passed over. What can't be read as pages is left to the reader of
 * the file. Source: apache/parquet-format `parquet.thrift`, `PageHeader.crc`.
 */
export async function damagedPage(
  path: string,
  chunks: readonly ColumnChunk[],
  signal?: AbortSignal,
): Promise<number | undefined> {
  await using file = await open(path, 'r');
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (const { start, end } of chunks) {
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(HEADER_BYTES, end - at), at);
      const header = pageHeader(buffer.subarray(0, bytesRead));
      if (header?.crc === undefined || header.size < 0) break;
      const body = at + header.length;
      if ((await checksum(file, buffer, body, header.size)) !== header.crc >>> 0) return at;
      at = body + header.size;
    }
  }
  return undefined;
}

async function checksum(file: FileHandle, buffer: Buffer, start: number, size: number): Promise<number> {
  let sum = 0;
  for (let done = 0; done < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - done), start + done);
    if (bytesRead === 0) break;
    sum = crc32(buffer.subarray(0, bytesRead), sum);
    done += bytesRead;
  }
  return sum;
}

interface PageHeader {
  /** Bytes of the header itself. */
  length: number;
  /** Bytes of the page behind it, as they are stored. */
  size: number;
  crc?: number;
}

/** Types of Thrift's compact protocol. */
const STOP = 0;
const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const STRUCT = 12;
/** Deeper than any header. */
const MOST_DEPTH = 8;

/** Fields of a `PageHeader`. */
const COMPRESSED_SIZE = 3;
const CRC = 4;

/** The header that a page begins with; undefined where the bytes are none. */
function pageHeader(bytes: Buffer): PageHeader | undefined {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length && scale < 2 ** 63; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('cut');
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const skip = (type: number, depth: number): void => {
    if (depth > MOST_DEPTH) throw new RangeError('too deep');
    if (type === BYTE) at++;
    else if (type === I16 || type === I32 || type === I64) varint();
    else if (type === DOUBLE) at += 8;
    else if (type === BINARY) at = varint() + at;
    else if (type === STRUCT) fields(depth + 1, (_field, inner) => skip(inner, depth + 1));
    else if (type === LIST || type === SET) {
      const head = bytes[at++]!;
      const count = head >> 4 === 15 ? varint() : head >> 4;
      for (let i = 0; i < count && at < bytes.length; i++) skip(head & 15, depth + 1);
    } else if (type !== TRUE && type !== FALSE) throw new RangeError(`type ${type}`);
  };
  const fields = (depth: number, visit: (field: number, type: number) => void): void => {
    let field = 0;
    while (at < bytes.length) {
      const head = bytes[at++]!;
      const type = head & 15;
      if (type === STOP) return;
      field = head >> 4 === 0 ? zigzag() : field + (head >> 4);
      visit(field, type);
    }
    throw new RangeError(`cut at depth ${depth}`);
  };
  let size: number | undefined;
  let crc: number | undefined;
  try {
    fields(0, (field, type) => {
      if (type === I32 && field === COMPRESSED_SIZE) size = zigzag();
      else if (type === I32 && field === CRC) crc = zigzag();
      else skip(type, 0);
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return size === undefined ? undefined : { length: at, size, ...(crc === undefined ? {} : { crc }) };
}
