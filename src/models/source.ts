import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import { userCacheFolder } from '../base/files/cache-folder.ts';
import { packageRoot } from '../base/files/package-root.ts';
import { requireOnnx } from './graph-files.ts';
import { cachedModel, downloadModel, type Place, remoteHas } from './hub/download.ts';
import { GRAPHS, type Part, requireWeights, TOKENIZER, WEIGHTS } from './hub/files.ts';
import { folderRevision } from './hub/revision.ts';

/** A model on this machine. */
export interface ModelFolder {
  /** `micro-vlm`, `org/name`, or the folder as it was given. */
  readonly name: string;
  /** Absolute path. */
  readonly folder: string;
  /** Commit of the hub, or SHA-256 over the files that decide the numbers. */
  readonly revision: string;
}

export interface ResolveOptions {
  /** Branch, tag or commit of a hub model. @default main */
  revision?: string;
  /** Never go to the network. @default HF_HUB_OFFLINE */
  offline?: boolean;
  /** Where downloads are kept. @default WINNOW_CACHE, else the user's cache folder */
  cacheDir?: string;
  /** Called while a file arrives: what, bytes done, bytes in total. */
  progress?: (what: string, done: number, total: number) => void;
  signal?: AbortSignal;
  /** @default the global fetch */
  fetch?: typeof globalThis.fetch;
}

/** Models that are part of the package, under `models/`. */
export const SHIPPED: readonly string[] = ['micro-vlm', 'micro-clip'];

/**
 * Finds a model's graphs: a shipped name, a folder, or a hub id (`org/name`, `org/name@revision`). A hub model is
 * downloaded once (configuration, tokenizer, chat template and ONNX graphs, no pickle and no code) and found again
 * without the network; a copy in the Hugging Face cache is taken as it is.
 * @throws WinnowError `MODEL_UNKNOWN`, `MODEL_OFFLINE`, `MODEL_GATED`, `MODEL_NO_ONNX`, `MODEL_PICKLE`,
 * `DOWNLOAD_FAILED`.
 */
export async function resolveModel(idOrPath: string, options: ResolveOptions = {}): Promise<ModelFolder> {
  const cacheDir = options.cacheDir ?? userCacheFolder();
  const local = localPath(idOrPath);
  if (local === undefined) return fromHub(idOrPath, GRAPHS, options);
  if (!(await stat(local)).isDirectory()) {
    throw new WinnowError({
      code: 'MODEL_UNKNOWN',
      message: `'${idOrPath}' is a file, and a model is a folder.`,
      where: { file: local },
      hint: 'Give the folder that holds config.json and onnx/.',
    });
  }
  const files = await modelFiles(local);
  requireOnnx(idOrPath, files);
  return { name: idOrPath, folder: local, revision: await folderRevision(local, files, cacheDir) };
}

/**
 * Finds a model's safetensors for the Python worker, as `resolveModel` finds graphs.
 * @throws WinnowError `MODEL_UNKNOWN`, `MODEL_OFFLINE`, `MODEL_GATED`, `MODEL_NO_WEIGHTS`, `DOWNLOAD_FAILED`.
 */
export async function resolveWeights(idOrPath: string, options: ResolveOptions = {}): Promise<ModelFolder> {
  const local = localPath(idOrPath);
  if (local === undefined) return fromHub(idOrPath, WEIGHTS, options);
  if (!existsSync(join(local, 'config.json'))) {
    throw new WinnowError({
      code: 'MODEL_UNKNOWN',
      message: `'${idOrPath}' holds no model: it has no config.json.`,
      where: { file: local },
      hint: 'Give a folder as save_pretrained writes it.',
      exitCode: 2,
    });
  }
  requireWeights(idOrPath, await modelFiles(local));
  return { name: idOrPath, folder: local, revision: await folderWeights(local, options) };
}

/** Revision of a checkpoint's folder: its weights or adapters and their configuration.  */
export async function folderWeights(folder: string, options: { cacheDir?: string } = {}): Promise<string> {
  const files = (await modelFiles(folder)).filter((file) => /\.(safetensors|json|jinja|model|txt)$/.test(file));
  return folderRevision(folder, files, options.cacheDir ?? userCacheFolder());
}

/**
 * Whether a name can only be that of a training run: no shipped model, nothing that is there as a folder, no hub id.
 */
export function isRunName(name: string): boolean {
  return localPath(name) === undefined && /^[\w.-]+$/.test(name);
}

/**
 * Folder of a model's tokenizer and chat template: a shipped name, a folder, or a hub id, of which only these are
 * fetched.
 * @throws WinnowError `MODEL_UNKNOWN`, `MODEL_OFFLINE`, `MODEL_GATED`, `MODEL_INCOMPLETE`, `DOWNLOAD_FAILED`.
 */
export async function resolveTokenizer(idOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return localPath(idOrPath) ?? (await fromHub(idOrPath, TOKENIZER, options)).folder;
}

/**
 * Whether a model runs in this process: shipped ones do, a folder or a hub model where it holds ONNX graphs. Without
 * the network, a hub model of which nothing is here counts as one that does: resolving it says what is missing.
 */
export async function hasGraphs(idOrPath: string, options: ResolveOptions = {}): Promise<boolean> {
  const local = localPath(idOrPath);
  if (local !== undefined) {
    return !existsSync(join(local, 'config.json')) || (await modelFiles(local)).some(GRAPHS.holds);
  }
  const place = hubPlace(idOrPath, options);
  if ((await cachedModel(place, GRAPHS)) !== undefined) return true;
  if ((await cachedModel(place, WEIGHTS)) !== undefined) return false;
  return isOffline(options) || remoteHas(place, GRAPHS, { ...options, offline: false });
}

/** A shipped model's folder or one that exists under that name; undefined for what can only be on a hub. */
function localPath(idOrPath: string): string | undefined {
  if (SHIPPED.includes(idOrPath)) return shippedFolder(idOrPath);
  const path = resolve(idOrPath.replace(/^~(?=\/|$)/, homedir()));
  return existsSync(path) ? path : undefined;
}

/** @throws WinnowError `MODEL_UNKNOWN` */
function hubPlace(idOrPath: string, options: ResolveOptions): Place {
  const match = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(idOrPath);
  if (match === null || /^\.{1,2}\//.test(idOrPath)) throw unknown(idOrPath);
  const revision = match[2] ?? options.revision ?? 'main';
  return { id: match[1]!, revision, cacheDir: options.cacheDir ?? userCacheFolder() };
}

async function fromHub(idOrPath: string, part: Part, options: ResolveOptions): Promise<ModelFolder> {
  const place = hubPlace(idOrPath, options);
  const found =
    (await cachedModel(place, part)) ?? (await downloadModel(place, part, { ...options, offline: isOffline(options) }));
  return { name: idOrPath, ...found };
}

/** Files of a folder and of its direct subfolders: a model goes no deeper, and a folder given by mistake may. */
async function modelFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await readdir(folder)) {
    if (name.startsWith('.')) continue;
    if ((await stat(join(folder, name)).catch(() => undefined))?.isDirectory() !== true) files.push(name);
    else
      for (const inner of await readdir(join(folder, name), { withFileTypes: true })) {
        if (!inner.isDirectory()) files.push(`${name}/${inner.name}`);
      }
  }
  return files;
}

function isOffline(options: ResolveOptions): boolean {
  if (options.offline !== undefined) return options.offline;
  return /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? '');
}

/** `models/<name>` of the package, from source and from the built code alike. */
function shippedFolder(name: string): string {
  const found = join(packageRoot(), 'models', name);
  if (existsSync(found)) return found;
  throw new WinnowError({
    code: 'MODEL_UNKNOWN',
    message: `The package's model '${name}' is missing.`,
    where: { file: found },
    hint: 'Install the package again.',
  });
}

function unknown(idOrPath: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_UNKNOWN',
    message: `'${idOrPath}' is no folder, no hub id and no shipped model.`,
    hint: `Give a folder, an id like org/name, or one of ${SHIPPED.join(', ')}.`,
    exitCode: 2,
  });
}
