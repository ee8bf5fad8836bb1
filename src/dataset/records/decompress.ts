import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { WinnowError } from '../../base/errors.ts';
import { sweepTemporary, systemTemporary, temporaryName } from '../../base/files/atomic.ts';
import { diskError } from '../../base/files/disk-errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { sha256 } from '../canonical.ts';
import { unpackLimit } from './unpack-limit.ts';

/** A file as it is read: itself, or its unpacked copy. */
export interface DecompressedFile {
  path: string;
  /** What the file was compressed with. */
  compression?: 'gzip' | 'zstd';
  /** The copy is nobody's after this run: remove it as soon as it is open. */
  temporary: boolean;
  /** The copy was made by this opening, and stays for the next one. */
  isNew?: boolean;
}

/** Small: a chunk of a file that was made to be large unpacks to a thousand times its size. */
const CHUNK = 1 << 16;

/**
 * A file with its packing taken off, known by its first bytes and not by its name. Records are read by their place,
 * which a packed stream can't give; so the file is unpacked once: into `cacheDir`, from where the next run takes it,
 * else into a temporary file. Throws `FILE_PACKING_DAMAGED` with the place in the packed file.
 */
export async function decompress(path: string, cacheDir?: string, signal?: AbortSignal): Promise<DecompressedFile> {
  const compression = compressionOf(path);
  if (compression === undefined) return { path, temporary: false };
  const { size, mtimeMs } = statSync(path);
  const key = Buffer.from(sha256(JSON.stringify([path, size, mtimeMs]))).toString('hex');
  const kept = cacheDir === undefined ? undefined : join(cacheDir, `${key.slice(0, 32)}.unpacked`);
  if (kept !== undefined && statSync(kept, { throwIfNoEntry: false })?.isFile()) {
    return { path: kept, compression, temporary: false };
  }
  const target = kept === undefined ? systemTemporary('winnow-unpacked') : temporaryName(kept);
  makeFolder(dirname(target));
  sweepTemporary(dirname(target));
  const from = openSync(path, 'r');
  const to = openSync(target, 'wx');
  try {
    /** Thrown after the chunk: what a stream's own handler throws would end the process. */
    let unwritable: unknown;
    const limit = unpackLimit(path, size, target);
    const write = (bytes: Uint8Array): void => {
      if (unwritable !== undefined) return;
      try {
        limit(bytes.length);
        for (let done = 0; done < bytes.length; ) done += writeSync(to, bytes, done);
      } catch (error) {
        unwritable = diskError(error, target);
      }
    };
    const stream = compression === 'gzip' ? gzipDecompressor(write) : await zstdDecompressor(write);
    const chunk = Buffer.allocUnsafe(CHUNK);
    let read = 0;
    try {
      for (let length = readSync(from, chunk); length > 0; length = readSync(from, chunk)) {
        signal?.throwIfAborted();
        await stream.push(Buffer.from(chunk.subarray(0, length)));
        read += length;
        if (unwritable !== undefined) throw unwritable;
      }
      await stream.end();
      if (unwritable !== undefined) throw unwritable;
      if (kept !== undefined) fsyncSync(to);
    } catch (error) {
      if (error instanceof Unpackable) throw damaged(path, compression, Math.min(size, error.offset ?? read), error);
      throw error;
    }
  } catch (error) {
    rmSync(target, { force: true });
    throw error;
  } finally {
    closeSync(from);
    closeSync(to);
  }
  if (kept !== undefined) renameSync(target, kept);
  return { path: kept ?? target, compression, temporary: kept === undefined, isNew: kept !== undefined };
}

/** Gzip and zstd by their magic numbers; a zstd file may begin with a skippable frame. */
function compressionOf(path: string): 'gzip' | 'zstd' | undefined {
  if (!statSync(path).isFile()) return undefined;
  const head = Buffer.alloc(4);
  const fd = openSync(path, 'r');
  try {
    if (readSync(fd, head, 0, 4, 0) < 3) return undefined;
  } finally {
    closeSync(fd);
  }
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08) return 'gzip';
  const magic = head.readUInt32LE(0);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : undefined;
}

interface Decompressor {
  push(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** The packed bytes are not what they say; `offset` where it is known better than by the chunk. */
class Unpackable extends Error {
  readonly offset: number | undefined;
  constructor(message: string, offset?: number) {
    super(message);
    this.offset = offset;
  }
}

function gzipDecompressor(write: (bytes: Uint8Array) => void): Decompressor {
  const stream = createGunzip();
  let failed: Error | undefined;
  stream.on('data', (bytes: Buffer) => write(bytes));
  const settled = (act: (done: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((done, reject) => {
      const fail = (error: Error): void => {
        failed = error;
        reject(new Unpackable(error.message, stream.bytesWritten));
      };
      if (failed !== undefined) return fail(failed);
      stream.once('error', fail);
      act((error) => {
        stream.off('error', fail);
        if (error) fail(error);
        else done();
      });
    });
  return {
    push: (bytes) => settled((done) => stream.write(bytes, done)),
    end: () =>
      settled((done) => {
        stream.once('end', () => done());
        stream.end();
      }),
  };
}

async function zstdDecompressor(write: (bytes: Uint8Array) => void): Promise<Decompressor> {
  const { Decompress } = await import('fzstd');
  const stream = new Decompress(write);
  const push = async (bytes: Uint8Array, last: boolean): Promise<void> => {
    try {
      stream.push(bytes, last);
    } catch (error) {
      throw new Unpackable((error as Error).message);
    }
    await breathe();
  };
  return { push: (bytes) => push(bytes, false), end: () => push(new Uint8Array(), true) };
}

function damaged(path: string, packed: string, offset: number, cause: Error): WinnowError {
  return new WinnowError({
    code: 'FILE_PACKING_DAMAGED',
    message: `The ${packed} stream is damaged or ends too early: ${cause.message}`,
    where: { file: path, offset },
    hint: 'Get the whole file again.',
    cause,
  });
}
