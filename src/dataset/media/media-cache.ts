import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { type Quarantined, WinnowError } from '../../base/errors.ts';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { sha256 } from '../canonical.ts';
import type { Dataset } from '../dataset.ts';
import { type FetchLimits, fetchBytes } from './fetch.ts';
import { type FetchedMedia, isRemote } from './media.ts';
import { mediaExtension, mediaTypeOf } from './media-type.ts';

/** Fetched media in a folder, each known by the SHA-256 of its URL; a URL that failed has its reason there. */
export interface MediaCache {
  /** The file or the reason; undefined where the URL was never asked for. */
  lookup(url: string): FetchedMedia | undefined;
  /** Name of the file, or of the reason's, in the folder. */
  fileOf(url: string): string | undefined;
  /**
   * Fetch what is not there yet (what failed before is tried again), a few at a time. Failures are noted, never thrown.
   */
  fetchAll(
    urls: Iterable<string>,
    limits: FetchLimits,
    progress?: (done: number, total: number) => void,
  ): Promise<FetchCount>;
}

export interface FetchCount {
  urls: number;
  fetched: number;
  /** There already. */
  cached: number;
  failed: number;
  bytes: number;
}

const AT_ONCE = 8;

export function openMediaCache(folder: string): MediaCache {
  let known: Map<string, string> | undefined;
  const files = (): Map<string, string> => {
    known ??= new Map(
      (existsSync(folder) ? readdirSync(folder) : [])
        .map((name) => /^([0-9a-f]{64})\.\w+$/.exec(name))
        .flatMap((match) => (match === null ? [] : [[match[1]!, match[0]]])),
    );
    return known;
  };
  const lookup = (url: string): FetchedMedia | undefined => {
    const name = files().get(keyOf(url));
    if (name === undefined) return undefined;
    const file = join(folder, name);
    return name.endsWith('.fault') ? { fault: readFileSync(file, 'utf8').trim() } : { file };
  };
  const fetchOne = async (url: string, limits: FetchLimits): Promise<number> => {
    const key = keyOf(url);
    const before = files().get(key);
    let name: string;
    let content: string | Buffer;
    try {
      const { bytes, url: end } = await fetchBytes(url, limits);
      name = `${key}${extensionOf(bytes)}`;
      content = bytes;
      const digest = Buffer.from(sha256(bytes)).toString('hex');
      const note = { url, end: end === url ? undefined : end, file: name, sha256: digest, bytes: bytes.length };
      await appendFile(join(folder, 'fetched.jsonl'), `${JSON.stringify(note)}\n`);
    } catch (error) {
      if (!(error instanceof WinnowError)) throw error;
      name = `${key}.fault`;
      content = `${error.message}\n`;
    }
    await writeFileAtomic(join(folder, name), content);
    if (before !== undefined && before !== name) await rm(join(folder, before), { force: true });
    files().set(key, name);
    return typeof content === 'string' ? -1 : content.length;
  };
  return {
    lookup,
    fileOf: (url) => files().get(keyOf(url)),
    async fetchAll(urls, limits, progress) {
      makeFolder(folder);
      const all = [...new Set(urls)];
      const missing = all.filter((url) => !('file' in (lookup(url) ?? {})));
      const count: FetchCount = {
        urls: all.length,
        fetched: 0,
        cached: all.length - missing.length,
        failed: 0,
        bytes: 0,
      };
      const fetchAndCount = async (url: string): Promise<void> => {
        const size = await fetchOne(url, limits);
        if (size < 0) count.failed++;
        else {
          count.fetched++;
          count.bytes += size;
        }
        progress?.(count.fetched + count.failed, missing.length);
      };
      await pMap(missing, fetchAndCount, { concurrency: AT_ONCE, signal: limits.signal });
      return count;
    },
  };
}

/** URLs that the rows of a data set name, in their order. */
export async function remoteMedia(dataset: Dataset, signal?: AbortSignal): Promise<string[]> {
  const urls = new Set<string>();
  for await (const { samples } of dataset.batches({ signal })) {
    for (const { path } of samples.flatMap((sample) => [
      ...(sample?.media.images ?? []),
      ...(sample?.media.videos ?? []),
    ]))
      if (isRemote(path)) urls.add(path);
  }
  return [...urls];
}

/** Rows with a medium that could not be fetched, and why. */
export async function unfetchedRows(dataset: Dataset, cache: MediaCache): Promise<Quarantined[]> {
  const out: Quarantined[] = [];
  for await (const { start, samples } of dataset.batches()) {
    for (const [i, sample] of samples.entries()) {
      const refs = [...(sample?.media.images ?? []), ...(sample?.media.videos ?? [])];
      const bad = refs.find(({ path }) => isRemote(path) && !('file' in (cache.lookup(path) ?? {})));
      if (sample === null || bad === undefined) continue;
      const found = cache.lookup(bad.path);
      const reason = `${bad.path.slice(0, 120)} could not be fetched: ${found !== undefined && 'fault' in found ? found.fault : 'not tried'}`;
      out.push({ row: start + i, id: sample.id, code: 'MEDIA_FETCH_FAILED', reason });
    }
  }
  return out;
}

function keyOf(url: string): string {
  return Buffer.from(sha256(url)).toString('hex');
}

/** @throws WinnowError `FETCH_NOT_MEDIA`: servers answer with a page where a file is gone */
function extensionOf(bytes: Buffer): string {
  const extension = mediaExtension(bytes);
  if (extension !== undefined) return extension;
  const isPage = /^\s*</.test(bytes.toString('latin1', 0, 32));
  const seen = isPage ? 'a page' : bytes.length === 0 ? 'nothing' : (mediaTypeOf(bytes)?.name ?? 'something else');
  throw new WinnowError({
    code: 'FETCH_NOT_MEDIA',
    message: `The server sends ${seen}, not an image or video.`,
    hint: 'Check the URL, or drop the row.',
  });
}
