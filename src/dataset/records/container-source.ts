import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sweepTemporary, systemTemporary, temporaryName } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { sha256 } from '../canonical.ts';
import { exactJson } from '../exact-number.ts';
import type { ColumnType, ColumnTypes } from '../formats/column-types.ts';
import { type EmbeddedMedia, storeEmbedded } from './embedded.ts';
import { openJsonSource } from './json-source.ts';
import type { OpenContext, RecordSource } from './source.ts';
import { unpackLimit } from './unpack-limit.ts';

/** Raised when the unpacked form changes. */
const VERSION = 3;
const RECORDS = 'records.jsonl';
const MEDIA = 'media';
const TYPES = 'types.json';

export interface Unpacking {
  media: EmbeddedMedia;
  /** A folder for passing needs. */
  temporary: string;
  /** Takes the types of number columns, where the container has them. */
  onTypes(types: ColumnTypes): void;
}

/**
 * The records of a container that holds its media inside, such as Parquet or tar. Their images are needed one by one
 * and in any order, which such a container can't give; so it is unpacked once, into records and files, in
 * `context.cacheDir` (the next opening takes them from there) or in a folder for temporary files.
 *
 * @param files what is unpacked; a change of size or time makes it anew
 * @param unpack gives the records in order, and their media to `media`
 */
export async function unpackedSource(
  files: readonly string[],
  context: OpenContext,
  unpack: (into: Unpacking) => AsyncIterable<unknown>,
): Promise<RecordSource> {
  const identity = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [basename(file), size, mtimeMs];
  });
  const { cacheDir } = context;
  const key = Buffer.from(sha256(JSON.stringify([VERSION, files, identity]))).toString('hex');
  const kept = cacheDir === undefined ? undefined : join(cacheDir, `${key.slice(0, 32)}.rows`);
  let folder = kept;
  let isNew = false;
  if (kept === undefined || statSync(kept, { throwIfNoEntry: false }) === undefined) {
    folder = kept === undefined ? systemTemporary('winnow-rows') : temporaryName(kept);
    const target = folder;
    sweepTemporary(dirname(target));
    try {
      const limit = unpackLimit(
        files[0]!,
        identity.reduce((sum, [, size]) => sum + Number(size), 0),
        target,
      );
      await withDiskErrors(target, () => fill(target, unpack, limit));
    } catch (error) {
      rmSync(target, { recursive: true, force: true });
      throw error;
    }
    if (kept !== undefined) folder = settle(target, kept);
    isNew = true;
  }
  const inside = folder!;
  const records = openJsonSource(join(inside, RECORDS), { layout: 'lines', start: 0 });
  return {
    ...records,
    // What stood in the container is no text of a file: its NaN is a number, and nothing is glued.
    blocked: undefined,
    scan: (visit, signal) =>
      records.scan(
        (raw) =>
          visit({
            ...raw,
            parsed: raw.parsed.ok ? { ok: true, value: raw.parsed.value } : raw.parsed,
            bytes: undefined,
          }),
        signal,
      ),
    identity,
    embedded: join(inside, MEDIA),
    columnTypes: new Map(JSON.parse(readFileSync(join(inside, TYPES), 'utf8')) as [string, ColumnType][]),
    kept,
    discard: () => isNew && kept !== undefined && rmSync(kept, { recursive: true, force: true }),
    close() {
      records.close();
      if (kept === undefined) rmSync(inside, { recursive: true, force: true });
    },
  };
}

async function fill(
  folder: string,
  unpack: (into: Unpacking) => AsyncIterable<unknown>,
  limit: (bytes: number) => void,
): Promise<void> {
  const temporary = join(folder, 'temporary');
  makeFolder(temporary);
  mkdirSync(join(folder, MEDIA));
  const file = openSync(join(folder, RECORDS), 'wx');
  try {
    let lines: string[] = [];
    let held = 0;
    const flush = (): void => {
      const bytes = Buffer.from(lines.join(''));
      limit(bytes.length);
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      lines = [];
      held = 0;
    };
    const stored = storeEmbedded(join(folder, MEDIA));
    const media: EmbeddedMedia = {
      put(content, wanted) {
        limit(content.length);
        return stored.put(content, wanted);
      },
    };
    let types: ColumnTypes = new Map();
    const onTypes = (found: ColumnTypes): void => {
      types = found;
    };
    for await (const record of unpack({ media, temporary, onTypes })) {
      const line = `${exactJson(record, 'literal')}\n`;
      held += line.length;
      lines.push(line);
      if (held > 1 << 20) flush();
    }
    flush();
    fsyncSync(file);
    writeFileSync(join(folder, TYPES), JSON.stringify([...types]));
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
