import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userCacheFolder } from '../dataset/cache-folder.ts';
import { WinnowError } from '../dataset/errors.ts';
import { requireOnnx } from './graph-files.ts';
import { cachedModel, downloadModel } from './hub/download.ts';
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
 * Finds a model: a shipped name, a folder, or a hub id. A hub model is downloaded once (configuration, tokenizer, chat template and ONNX graphs, no
 * pickle and no code) and found again without the network; a copy in the Hugging Face cache is taken as it is.
 * @throws WinnowError `MODEL_UNKNOWN`, `MODEL_OFFLINE`, `MODEL_GATED`, `MODEL_NO_ONNX`, `MODEL_PICKLE`, `DOWNLOAD_FAILED`.
 */
export async function resolveModel(idOrPath: string, options: ResolveOptions = {}): Promise<ModelFolder> {
  const cacheDir = options.cacheDir ?? userCacheFolder();
  if (SHIPPED.includes(idOrPath)) return localFolder(idOrPath, shippedFolder(idOrPath), cacheDir);
  const path = resolve(idOrPath.replace(/^~(?=\/|$)/, homedir()));
  if (existsSync(path)) return localFolder(idOrPath, path, cacheDir);
  if (!/^[\w.-]+\/[\w.-]+$/.test(idOrPath) || /^\.{1,2}\//.test(idOrPath)) throw unknown(idOrPath);
  const place = { id: idOrPath, revision: options.revision ?? 'main', cacheDir };
  const found = (await cachedModel(place)) ?? (await downloadModel(place, { ...options, offline: isOffline(options) }));
  return { name: idOrPath, ...found };
}

/**
 * Finds a model's safetensors for the Python worker: a shipped name or a folder.
 * @throws WinnowError `MODEL_UNKNOWN`, `MODEL_NO_WEIGHTS`.
 */
export async function resolveWeights(idOrPath: string, options: { cacheDir?: string } = {}): Promise<ModelFolder> {
  const folder = SHIPPED.includes(idOrPath)
    ? shippedFolder(idOrPath)
    : resolve(idOrPath.replace(/^~(?=\/|$)/, homedir()));
  if (!existsSync(join(folder, 'config.json'))) throw unknown(idOrPath);
  const files = (await modelFiles(folder)).filter((file) => /\.(safetensors|json|jinja|model|txt)$/.test(file));
  if (!files.some((file) => file.endsWith('.safetensors'))) {
    throw new WinnowError({
      code: 'MODEL_NO_WEIGHTS',
      message: `'${idOrPath}' has no safetensors weights, which the worker reads`,
      where: { file: folder },
      hint: 'Give a folder as save_pretrained writes it.',
    });
  }
  return {
    name: idOrPath,
    folder,
    revision: await folderRevision(folder, files, options.cacheDir ?? userCacheFolder()),
  };
}

/** Whether a model runs in this process: shipped ones and those of the hub do; a folder where it holds ONNX graphs. */
export async function hasGraphs(idOrPath: string): Promise<boolean> {
  const folder = resolve(idOrPath.replace(/^~(?=\/|$)/, homedir()));
  if (SHIPPED.includes(idOrPath) || !existsSync(join(folder, 'config.json'))) return true;
  return (await modelFiles(folder)).some((file) => file.endsWith('.onnx'));
}

async function localFolder(name: string, folder: string, cacheDir: string): Promise<ModelFolder> {
  if (!(await stat(folder)).isDirectory()) {
    throw new WinnowError({
      code: 'MODEL_UNKNOWN',
      message: `'${name}' is a file, and a model is a folder`,
      where: { file: folder },
      hint: 'Give the folder that holds config.json and onnx/.',
    });
  }
  const files = await modelFiles(folder);
  requireOnnx(name, files);
  return { name, folder, revision: await folderRevision(folder, files, cacheDir) };
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
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const found = join(folder, 'models', name);
  if (existsSync(found)) return found;
  throw new WinnowError({
    code: 'MODEL_UNKNOWN',
    message: `the package's model '${name}' is missing`,
    where: { file: found },
    hint: 'Install the package again.',
  });
}

function unknown(idOrPath: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_UNKNOWN',
    message: `'${idOrPath}' is no folder, no hub id and no shipped model`,
    hint: `Give a folder, an id like org/name, or one of ${SHIPPED.join(', ')}.`,
    exitCode: 2,
  });
}
