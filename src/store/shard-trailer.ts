import { closeSync, openSync, readSync, type Stats, statSync, writeSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { commitFile, temporaryName } from '../base/files/atomic.ts';
import { checksum } from '../base/files/checksum.ts';
import { withDiskErrors } from '../base/files/disk-errors.ts';

/** Bytes of a row's fingerprint, and of what stands for a signal's identity. */
export const FINGERPRINT_BYTES = 16;

/** What a shard holds beside its columns, so that damage is found and equal rows are known again. */
export interface Trailer {
  /** Stands for signal, version, model and options; zeros where rows of other shards are never taken over. */
  identity: Uint8Array;
  /** One for each row: what its numbers were measured of; zeros where it has none. */
  fingerprints: Uint8Array;
}

/**
 * `sound`: the checksum is right. `damaged`: it isn't, or the file is no whole Parquet file. `unchecked`: the file
 * has no checksum, since an earlier Winnow wrote it.
 */
export type FileState = 'sound' | 'damaged' | 'unchecked';

/** The worker writes the same: `worker/winnow_worker/trailer.py`. */
const MAGIC = Buffer.from('WINNOWT1');
/** Magic, number of rows, identity. */
const LEAD = 8 + 4 + FINGERPRINT_BYTES;
/** Checksum, length of the trailer, magic: at both ends, so that one flipped bit can't hide a trailer. */
const END = 4 + 4 + 8;
/** Where a trailer is looked for that isn't at its place. */
const SEARCHED = 1 << 20;
const PIECE = 1 << 20;

/**
 * Puts a trailer between the data and the footer of a Parquet file that nobody reads yet. Readers of Parquet go by the
 * offsets in the footer, and never look there.
 */
export function addTrailer(path: string, { identity, fingerprints }: Trailer): void {
  const fd = openSync(path, 'r+');
  try {
    const size = statSync(path).size;
    const data = footerStart(fd, size);
    if (data === undefined) throw new RangeError(`${path} is no whole Parquet file.`);
    const footer = read(fd, data, size);
    const lead = Buffer.alloc(LEAD);
    MAGIC.copy(lead);
    lead.writeUInt32LE(fingerprints.length / FINGERPRINT_BYTES, 8);
    lead.set(identity, 12);
    const end = Buffer.alloc(END);
    end.writeUInt32LE(LEAD + fingerprints.length + END, 4);
    MAGIC.copy(end, 8);
    end.writeUInt32LE(checksum([lead, fingerprints, end.subarray(4), footer], sumOf(fd, 0, data, 0)), 0);
    let at = data;
    for (const part of [lead, fingerprints, end, footer]) at += writeSync(fd, part, 0, part.length, at);
  } finally {
    closeSync(fd);
  }
}

/** States of files that were looked at, by path, as long as size and time of a file are the same. */
const known = new Map<string, { mark: string; state: FileState }>();

const markOf = ({ size, mtimeMs, ino }: Stats): string => `${size} ${mtimeMs} ${ino}`;

/** Whether a file is as it was written. It is read once as long as it doesn't change. A missing file is damaged. */
export function fileState(path: string): FileState {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return 'damaged';
  const before = known.get(path);
  if (before?.mark === markOf(found)) return before.state;
  const state = checkFile(path, found.size);
  known.set(path, { mark: markOf(found), state });
  return state;
}

/** Gives a finished file that has none its trailer, whole or not at all. Throws `DISK_FULL`, `NOT_WRITABLE`. */
export async function sealFile(path: string, trailer: Trailer): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await withDiskErrors(path, () => copyFile(path, temporary));
    addTrailer(temporary, trailer);
    await commitFile(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The trailer of a sound file; undefined where it has none. */
export function readTrailer(path: string): Trailer | undefined {
  if (fileState(path) !== 'sound') return undefined;
  return withFile(path, (fd) => {
    const end = footerStart(fd, statSync(path).size)!;
    const length = read(fd, end - 12, end - 8).readUInt32LE(0);
    const trailer = read(fd, end - length, end);
    return { identity: trailer.subarray(12, LEAD), fingerprints: trailer.subarray(LEAD, length - END) };
  });
}

function checkFile(path: string, size: number): FileState {
  return withFile(path, (fd) => {
    const end = footerStart(fd, size);
    if (end === undefined) return 'damaged';
    if (end < LEAD + END || !read(fd, end - 8, end).equals(MAGIC)) {
      return read(fd, Math.max(0, size - SEARCHED), size).includes(MAGIC) ? 'damaged' : 'unchecked';
    }
    const place = end - END;
    const stored = read(fd, place, place + 4).readUInt32LE(0);
    return sumOf(fd, place + 4, size, sumOf(fd, 0, place, 0)) === stored ? 'sound' : 'damaged';
  });
}

/** Where the footer of a Parquet file begins; undefined where the file doesn't begin and end as Parquet does. */
function footerStart(fd: number, size: number): number | undefined {
  if (size < 12 || read(fd, 0, 4).toString('latin1') !== 'PAR1') return undefined;
  const end = read(fd, size - 8, size);
  const start = size - 8 - end.readUInt32LE(0);
  return end.toString('latin1', 4) === 'PAR1' && start >= 4 ? start : undefined;
}

function withFile<T>(path: string, work: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function sumOf(fd: number, start: number, end: number, sum: number): number {
  const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(0, end - start)));
  for (let at = start; at < end; ) {
    const got = readSync(fd, piece, 0, Math.min(piece.length, end - at), at);
    if (got === 0) break;
    sum = checksum([piece.subarray(0, got)], sum);
    at += got;
  }
  return sum;
}

function read(fd: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start);
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(fd, bytes, done, bytes.length - done, start + done);
    if (got === 0) break;
    done += got;
  }
  return bytes;
}
