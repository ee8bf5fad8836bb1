import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sweepTemporary, systemTemporary, temporaryName } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { sha256 } from '../canonical.ts';
import { exactJson } from '../exact-number.ts';
import { type EmbeddedMedia, storeEmbedded } from './embedded.ts';
import { openJsonSource } from './json-source.ts';
import type { RecordSource, SourceRoom } from './source.ts';

/** Raised when the unpacked form changes. */
const VERSION = 2;
const RECORDS = 'records.jsonl';
const MEDIA = 'media';

export interface Unpacking {
  media: EmbeddedMedia;
  /** A folder for passing needs. */
  temporary: string;
}

/**
 * The records of a container that holds its media inside, such as Parquet or tar. Their images are needed one by one
 * and in any order, which such a container can't give; so it is unpacked once, into records and files, in
 * `room.cacheDir` (the next opening takes them from there) or in a folder for temporary files.
 *
 * @param files what is unpacked; a change of size or time makes it anew
 * @param unpack gives the records in order, and their media to `media`
 */
export async function unpackedSource(
  files: readonly string[],
  room: SourceRoom,
  unpack: (into: Unpacking) => AsyncIterable<unknown>,
): Promise<RecordSource> {
  const identity = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [basename(file), size, mtimeMs];
  });
  const { cacheDir } = room;
  const key = Buffer.from(sha256(JSON.stringify([VERSION, files, identity]))).toString('hex');
  const kept = cacheDir === undefined ? undefined : join(cacheDir, `${key.slice(0, 32)}.rows`);
  let folder = kept;
  if (kept === undefined || statSync(kept, { throwIfNoEntry: false }) === undefined) {
    folder = kept === undefined ? systemTemporary('winnow-rows') : temporaryName(kept);
    const target = folder;
    sweepTemporary(dirname(target));
    try {
      await withDiskErrors(target, () => fill(target, unpack));
    } catch (error) {
      rmSync(target, { recursive: true, force: true });
      throw error;
    }
    if (kept !== undefined) folder = settle(target, kept);
  }
  const inside = folder!;
  const records = openJsonSource(join(inside, RECORDS), { layout: 'lines', start: 0 });
  return {
    ...records,
    identity,
    embedded: join(inside, MEDIA),
    ...(kept === undefined ? {} : { kept }),
    close() {
      records.close();
      if (kept === undefined) rmSync(inside, { recursive: true, force: true });
    },
  };
}

async function fill(folder: string, unpack: (into: Unpacking) => AsyncIterable<unknown>): Promise<void> {
  const temporary = join(folder, 'temporary');
  makeFolder(temporary);
  mkdirSync(join(folder, MEDIA));
  const file = openSync(join(folder, RECORDS), 'wx');
  try {
    let lines: string[] = [];
    let held = 0;
    const flush = (): void => {
      const bytes = Buffer.from(lines.join(''));
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      lines = [];
      held = 0;
    };
    for await (const record of unpack({ media: storeEmbedded(join(folder, MEDIA)), temporary })) {
      const line = `${exactJson(record, 'literal')}\n`;
      held += line.length;
      lines.push(line);
      if (held > 1 << 20) flush();
    }
    flush();
    fsyncSync(file);
  } finally {
    closeSync(file);
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Give the folder its name; where another process was faster, its folder is as good. */
function settle(made: string, kept: string): string {
  try {
    renameSync(made, kept);
  } catch (error) {
    if (statSync(kept, { throwIfNoEntry: false }) === undefined) throw error;
    rmSync(made, { recursive: true, force: true });
  }
  return kept;
}
