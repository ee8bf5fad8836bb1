import { existsSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { redactor } from '../../base/redact.ts';
import type { Part } from './files.ts';
import { sha256Of } from './revision.ts';

/** A hub model and where its copy lies. */
export interface Place {
  id: string;
  revision: string;
  cacheDir: string;
}

export interface DownloadOptions {
  offline: boolean;
  progress?: (what: string, done: number, total: number) => void;
  signal?: AbortSignal;
  fetch?: typeof globalThis.fetch;
}

interface Found {
  folder: string;
  revision: string;
}

interface RemoteFile {
  path: string;
  /** Bytes; undefined when the hub doesn't say. */
  size?: number;
  sha256?: string;
}

const COMMIT = /^[0-9a-f]{40}$/;

function modelFolder({ id, cacheDir }: Place): string {
  return join(cacheDir, 'models', id.replace('/', '--'));
}

/**
 * A copy that is already on this machine: downloaded before, or in the Hugging Face cache. Which commit a branch meant
 * when it was downloaded is kept, so that a second run computes with the same model; another revision is had by its
 * name.
 */
export async function cachedModel(place: Place, part: Part): Promise<Found | undefined> {
  const root = modelFolder(place);
  const commit = await commitOf(join(root, 'refs'), place.revision);
  if (commit !== undefined && existsSync(join(root, commit, part.mark)))
    return { folder: join(root, commit), revision: commit };
  return huggingFaceCache(place, part);
}

async function commitOf(refs: string, revision: string): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  try {
    return (await readFile(join(refs, revision), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** The snapshot of the Python library's cache, when it has that part and a configuration. */
async function huggingFaceCache({ id, revision }: Place, part: Part): Promise<Found | undefined> {
  const home = process.env.HF_HOME || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  const root = join(process.env.HF_HUB_CACHE || join(home, 'hub'), `models--${id.replace('/', '--')}`);
  const commit = await commitOf(join(root, 'refs'), revision);
  if (commit === undefined) return undefined;
  const folder = join(root, 'snapshots', commit);
  const files = existsSync(folder) ? await readdir(folder, { recursive: true }) : [];
  if (!files.includes('config.json') || !files.some((file) => part.holds(file))) return undefined;
  return { folder, revision: commit };
}

/** Whether a hub model has a part, by its list of files. */
export async function remoteHas(place: Place, part: Part, options: DownloadOptions): Promise<boolean> {
  if (options.offline) throw offline(place.id, 'the network is switched off (HF_HUB_OFFLINE or --offline)');
  return (await listRemote(place, options)).files.some((file) => part.holds(file.path));
}

/** Downloads what is needed of a hub model into the cache. Interrupted downloads go on where they stopped. */
export async function downloadModel(place: Place, part: Part, options: DownloadOptions): Promise<Found> {
  if (options.offline) throw offline(place.id, 'the network is switched off (HF_HUB_OFFLINE or --offline)');
  const { commit, files } = await listRemote(place, options);
  const names = files.map((file) => file.path);
  part.require(place.id, names);
  const wanted = new Set(part.needed(names));
  const root = modelFolder(place);
  const folder = join(root, commit);
  for (const file of files) {
    if (wanted.has(file.path)) await downloadFile(place, commit, file, join(folder, file.path), options);
  }
  await writeFile(join(folder, part.mark), JSON.stringify({ id: place.id, commit, files: [...wanted] }));
  makeFolder(dirname(join(root, 'refs', place.revision)));
  await writeFile(join(root, 'refs', place.revision), commit);
  return { folder, revision: commit };
}

async function listRemote(place: Place, options: DownloadOptions): Promise<{ commit: string; files: RemoteFile[] }> {
  const path = `/api/models/${place.id}/revision/${encodeURIComponent(place.revision)}?blobs=true`;
  const response = await request(place, path, options);
  const body = (await response.json()) as {
    sha: string;
    siblings: { rfilename: string; size?: number; lfs?: { sha256?: string; size?: number } }[];
  };
  if (!COMMIT.test(body.sha)) throw failed(place.id, `the hub answered with the commit '${shown(body.sha)}'`);
  const files = body.siblings.map(({ rfilename, size, lfs }) => {
    const bytes = lfs?.size ?? size;
    return {
      path: safePath(place.id, rfilename),
      size: bytes,
      sha256: lfs?.sha256,
    };
  });
  return { commit: body.sha, files };
}

/** What a hub says, without the token that it was sent. */
function shown(text: string): string {
  return redactor(process.env.HF_TOKEN)(String(text));
}

/** A file name of the hub must not lead out of the model's folder. */
function safePath(id: string, path: string): string {
  if (path.startsWith('/') || path.includes('\\') || path.split('/').includes('..')) {
    throw failed(id, `the hub lists the file '${shown(path)}'`);
  }
  return path;
}

async function downloadFile(
  place: Place,
  commit: string,
  file: RemoteFile,
  target: string,
  options: DownloadOptions,
): Promise<void> {
  if (existsSync(target)) return;
  makeFolder(dirname(target));
  const partial = `${target}.part`;
  let done = await stat(partial).then(
    (found) => found.size,
    () => 0,
  );
  if (file.size !== undefined && done > file.size) done = 0;
  if (file.size === undefined || done < file.size || done === 0) {
    const path = `/${place.id}/resolve/${commit}/${file.path.split('/').map(encodeURIComponent).join('/')}`;
    const response = await request(place, path, options, done > 0 ? { range: `bytes=${done}-` } : {});
    if (response.status !== 206) done = 0;
    await receive(place, file, response, partial, done, options);
  }
  await check(place, file, partial);
  await rename(partial, target);
}

/** Appends a response's bytes to a file, and says how far it is. */
async function receive(
  place: Place,
  file: RemoteFile,
  response: Response,
  partial: string,
  start: number,
  options: DownloadOptions,
): Promise<void> {
  const handle = await open(partial, start > 0 ? 'a' : 'w');
  let done = start;
  try {
    if (response.body !== null) {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        await handle.write(chunk);
        done += chunk.length;
        options.progress?.(`${place.id}: ${file.path}`, done, file.size ?? done);
      }
    }
    await handle.sync();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw failed(place.id, `the connection broke in ${file.path} after ${done} bytes`);
  } finally {
    await handle.close();
  }
}

async function check(place: Place, file: RemoteFile, partial: string): Promise<void> {
  const { size } = await stat(partial);
  const wrongSize = file.size !== undefined && size !== file.size;
  // A short file is kept, to be continued; a wrong one is not.
  if (wrongSize && size < file.size!) throw failed(place.id, `${file.path} has ${size} of ${file.size} bytes`);
  if (wrongSize || (file.sha256 !== undefined && (await sha256Of(partial)) !== file.sha256)) {
    await rm(partial);
    throw failed(place.id, `${file.path} is not the file that the hub announced`);
  }
}

async function request(
  place: Place,
  path: string,
  options: DownloadOptions,
  headers: Record<string, string> = {},
): Promise<Response> {
  const endpoint = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  const token = process.env.HF_TOKEN;
  let response: Response;
  try {
    response = await (options.fetch ?? globalThis.fetch)(`${endpoint}${path}`, {
      headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
      signal: options.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw offline(place.id, `${new URL(endpoint).host} cannot be reached (${shown(causeOf(error))})`);
  }
  if (response.ok) return response;
  if (response.status === 401 || response.status === 403) {
    throw new WinnowError({
      code: 'MODEL_GATED',
      message: `The hub refuses '${place.id}' (HTTP ${response.status}): it is private, gated, or does not exist.`,
      hint: 'Check the id; accept its terms on the hub and set HF_TOKEN to a token that may read it.',
    });
  }
  if (response.status === 404) {
    throw new WinnowError({
      code: 'MODEL_UNKNOWN',
      message: `The hub has no '${place.id}' at revision '${place.revision}'.`,
      hint: 'Check the id and the revision.',
      exitCode: 2,
    });
  }
  throw failed(place.id, `the hub answered HTTP ${response.status}`);
}

function causeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}

function offline(id: string, why: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_OFFLINE',
    message: `The model '${id}' is not on this machine, and ${why}`,
    hint: `Download it elsewhere (hf download ${id} --local-dir DIR), copy DIR here, and give DIR in place of the id.`,
  });
}

function failed(id: string, what: string): WinnowError {
  return new WinnowError({
    code: 'DOWNLOAD_FAILED',
    message: `Downloading '${id}' failed: ${what}.`,
    hint: 'Run the command again: what has arrived is kept and the download goes on.',
  });
}
