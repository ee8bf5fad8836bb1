import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Pack } from 'tar-stream';
import { temporaryName } from '../../base/files/atomic.ts';
import { withDiskErrors } from '../../base/files/disk-errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import type { Finished } from '../../base/files/output-guard.ts';
import { exactJson } from '../exact-number.ts';
import type { MediaLoader } from '../media/place-media.ts';
import type { JsonObject } from './build.ts';
import { fieldNamer, keyMaker } from './webdataset-names.ts';

export interface TarWriting {
  /** Paths of the shards, once it is known how many there are. */
  paths(shards: number): string[];
  /** A shard ends after these many samples or about these many bytes. */
  shardRows: number;
  shardBytes: number;
  gzip: boolean;
  load: MediaLoader;
}

interface Shard {
  pack: Pack;
  keyOf(id: string): string;
  rows: number;
  bytes: number;
  done: Promise<void>;
}

/** Members without a time, an owner or a machine, so that the same samples give the same bytes. */
const PLAIN = { mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0), type: 'file' } as const;

/**
 * Writes records `{id, messages, images, videos?, ...}` as WebDataset shards: `<key>.json`, then `<key>.0.jpg` and so
 * on.
 */
export async function openTarSink(writing: TarWriting) {
  const { paths, shardRows, shardBytes, gzip, load } = writing;
  const { pack: createPack } = await import('tar-stream');
  const [first] = paths(1);
  const made: string[] = [];
  makeFolder(dirname(first!));
  let shard: Shard | undefined;
  const fieldOf = fieldNamer();

  const begin = (): Shard => {
    const path = temporaryName(first!);
    made.push(path);
    const pack = createPack();
    const file = createWriteStream(path, { flags: 'wx' });
    const done = gzip ? pipeline(pack, createGzip(), file) : pipeline(pack, file);
    // Seen where it is awaited; a full disk before that must not end the process.
    done.catch(() => undefined);
    return { pack, keyOf: keyMaker(), rows: 0, bytes: 0, done };
  };
  const end = async (): Promise<void> => {
    shard?.pack.finalize();
    await withDiskErrors(first!, async () => shard?.done);
    shard = undefined;
  };
  const put = async (to: Shard, name: string, bytes: Uint8Array): Promise<void> => {
    const written = new Promise<void>((resolve, reject) => {
      const entry = to.pack.entry({ ...PLAIN, name, size: bytes.length }, (fault) =>
        fault ? reject(fault) : resolve(),
      );
      // Destroyed with the archive, an entry tells it too, and would end the process if nobody listened.
      entry.on('error', reject);
      entry.end(bytes);
    });
    to.bytes += bytes.length + 1024;
    // A file that can't be written to never lets the entry end; and once it has failed, what it failed of is told by
    // `done`, a little later than the archive refuses entries.
    await withDiskErrors(first!, () =>
      Promise.race([written, to.done]).catch(async (error) => {
        await Promise.race([to.done, sleep(1000)]);
        throw error;
      }),
    );
  };
  return {
    async write(given: unknown): Promise<void> {
      const record = given as JsonObject;
      shard ??= begin();
      const key = shard.keyOf(String(record.id));
      await put(shard, `${key}.json`, Buffer.from(exactJson(record)));
      for (const kind of ['image', 'video'] as const) {
        for (const [index, path] of ((record[`${kind}s`] as string[] | undefined) ?? []).entries()) {
          const bytes = await load(path);
          if (bytes !== undefined) await put(shard, `${key}.${fieldOf(kind, index, path)}`, bytes);
        }
      }
      shard.rows++;
      if (shard.rows >= shardRows || shard.bytes >= shardBytes) await end();
    },
    async finish(): Promise<Finished[]> {
      if (made.length === 0) shard = begin();
      await end();
      return paths(made.length).map((path, i) => ({ path, temporary: made[i]! }));
    },
    async abort(): Promise<void> {
      shard?.pack.destroy();
      for (const path of made) await rm(path, { force: true });
    },
  };
}
