import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { isRegularFile } from '../../base/files/regular-file.ts';
import { isObject, type JsonObject } from '../formats/build.ts';
import { PARQUET_FILE, shardsInside, TAR_FILE } from '../records/shard-files.ts';

/** The file (or folder of images) that a path means, and what a registry beside it says about it. */
export interface Located {
  path: string;
  format?: string;
  options: JsonObject;
  /** For people: `entry "mm" of dataset_info.json`. */
  because?: string;
}

const REGISTRY = 'dataset_info.json';
const NOT_DATA = new Set([
  REGISTRY,
  'dataset_infos.json',
  'metadata.jsonl',
  'changes.jsonl',
  'captions.jsonl',
  'captions.json',
  'package.json',
  'config.json',
]);

/**
 * Resolve a path to its data file. A folder with LLaMA-Factory's `dataset_info.json` means the entry `options.dataset`
 * (or the only one whose file is there); a folder with a single JSON file means that file; a file's own entry in the
 * registry beside it gives its columns and tags. Throws `DATASET_AMBIGUOUS` where several would do.
 */
export function locate(given: string, wanted: { format?: string; dataset?: string }): Located {
  const path = resolve(given);
  const stat = statSync(path, { throwIfNoEntry: false });
  const shards = stat === undefined ? shardPattern(path) : undefined;
  if (shards !== undefined) return shards;
  if (stat === undefined) {
    throw new WinnowError({
      code: 'NOT_FOUND',
      message: 'There is no such file or folder.',
      where: { file: path },
      hint: 'Check the path.',
      exitCode: 2,
    });
  }
  if (stat.isDirectory() && isSavedToDisk(path)) throw savedToDisk(path);
  const folder = stat.isDirectory() ? path : dirname(path);
  const honours = wanted.format === undefined || wanted.format === 'sharegpt' || wanted.format === 'alpaca';
  const entries = honours ? registryEntries(folder) : [];
  if (!stat.isDirectory()) {
    const entry = entries.find(
      ([name, item]) => item.file_name === basename(path) && (wanted.dataset === undefined || wanted.dataset === name),
    );
    return entry === undefined ? { path, options: {} } : fromEntry(folder, entry, wanted.format);
  }
  if (wanted.format === 'folder') return { path, options: {} };
  const named = wanted.dataset === undefined ? entries : entries.filter(([name]) => name === wanted.dataset);
  const present = named.filter(
    ([, item]) => typeof item.file_name === 'string' && existsSync(join(folder, item.file_name)),
  );
  if (present.length === 1) return fromEntry(folder, present[0]!, wanted.format);
  if (present.length > 1 || (wanted.dataset !== undefined && entries.length > 0)) {
    const names = (present.length > 1 ? present : entries).slice(0, 12).map(([name]) => name);
    throw new WinnowError({
      code: 'DATASET_AMBIGUOUS',
      message:
        wanted.dataset === undefined
          ? `${REGISTRY} lists several data sets that are here.`
          : `${REGISTRY} has no data set "${wanted.dataset}" whose file is here.`,
      where: { file: join(folder, REGISTRY) },
      hint: `Give the file itself, or the option dataset: one of ${names.join(', ')}.`,
      exitCode: 2,
    });
  }
  // JSON beside shards tells about them; it is not the data.
  if ([PARQUET_FILE, TAR_FILE].some((ending) => shardsInside(path, ending).length > 0)) return { path, options: {} };
  const files = readdirSync(folder).filter(
    (name) =>
      /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i.test(name) &&
      !name.startsWith('.') &&
      !NOT_DATA.has(name) &&
      !name.endsWith('.changes.jsonl'),
  );
  const main = files.filter((name) => !(/annotations/.test(name) && files.some((other) => /questions/.test(other))));
  if (main.length === 1) files.splice(0, files.length, ...main);
  if (files.length === 1)
    return { ...locate(join(folder, files[0]!), wanted), because: `the only JSON file of the folder, ${files[0]}` };
  if (files.length > 1) {
    throw new WinnowError({
      code: 'DATASET_AMBIGUOUS',
      message: `The folder holds ${files.length} JSON files.`,
      where: { file: folder },
      hint: `Give the file itself (${files.slice(0, 6).join(', ')}), or --format folder for the images alone.`,
      exitCode: 2,
    });
  }
  return { path, options: {} };
}

/** `folder/shard-{000000..000009}.tar`: some of a folder's shards. */
function shardPattern(path: string): Located | undefined {
  const pattern = basename(path);
  if (!/\{[^{}]+\}/.test(pattern) || !statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory())
    return undefined;
  const format = PARQUET_FILE.test(pattern) ? 'parquet' : TAR_FILE.test(pattern) ? 'webdataset' : undefined;
  return format && { path: dirname(path), format, options: { shards: pattern }, because: 'a pattern of shards' };
}

/** A folder that `save_to_disk` of `datasets` made: Arrow files with their state, or splits of such. */
function isSavedToDisk(path: string): boolean {
  const entries = readdirSync(path);
  if (entries.includes('dataset_dict.json')) return true;
  return entries.includes('state.json') && entries.some((name) => name.endsWith('.arrow'));
}

function savedToDisk(path: string): WinnowError {
  const isDict = existsSync(join(path, 'dataset_dict.json'));
  const load = `from datasets import load_from_disk; d = load_from_disk(${JSON.stringify(path)})`;
  const save = isDict
    ? `[d[s].to_parquet(f"parquet/{s}-00000-of-00001.parquet") for s in d]`
    : 'd.to_parquet("data.parquet")';
  return new WinnowError({
    code: 'FORMAT_ARROW',
    message: 'This folder was made by save_to_disk of datasets: its rows are Arrow files, which are not read.',
    where: { file: path },
    hint: `Write it as Parquet, then give that: python -c '${load}; ${save}'`,
    exitCode: 2,
  });
}

function registryEntries(folder: string): [string, JsonObject][] {
  const file = join(folder, REGISTRY);
  if (!isRegularFile(file)) return [];
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
    return isObject(value)
      ? Object.entries(value).filter((entry): entry is [string, JsonObject] => isObject(entry[1]))
      : [];
  } catch (cause) {
    throw new WinnowError({
      code: 'REGISTRY_DAMAGED',
      message: `${REGISTRY} can't be read: ${(cause as Error).message}`,
      where: { file },
      hint: 'Fix it, or say the format yourself with --format.',
      cause,
    });
  }
}

function fromEntry(folder: string, [name, entry]: [string, JsonObject], wanted?: string): Located {
  const file = join(folder, String(entry.file_name));
  const formatting = entry.formatting ?? 'alpaca';
  // Without a map, and with OpenAI's turns, detection knows as much.
  const isMapped = formatting === 'sharegpt' || (formatting === 'alpaca' && isObject(entry.columns));
  if (!isMapped || (wanted !== undefined && wanted !== formatting)) return { path: file, options: {} };
  return {
    path: file,
    format: formatting,
    options: {
      columns: entry.columns,
      tags: entry.tags,
    },
    because: `entry "${name}" of ${REGISTRY}`,
  };
}
