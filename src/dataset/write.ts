import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type AtomicFile, openAtomic, sweepTemporary, writeFileAtomic } from './atomic.ts';
import { writing } from './disk-fault.ts';
import { WinnowError } from './errors.ts';
import type { Format, SideFile, WriteOptions } from './format.ts';
import { isObject } from './formats/build.ts';
import { formatNamed } from './formats/registry.ts';
import type { MediaScope } from './media.ts';
import type { Sample } from './sample.ts';
import { type MediaMode, type MediaPlan, planMedia } from './write-media.ts';

export interface WriteRequest {
  samples: AsyncIterable<Sample> | Iterable<Sample>;
  /** Format name. */
  format: string;
  /** Main file, by its extension an array (`.json`) or lines (`.jsonl`); without one a folder for `data.json[l]`. */
  out: string;
  /** @default 'keep' */
  media?: MediaMode;
  /** Where the samples' media are: their data set, or its media root; asked for each sample where they come from several. */
  mediaRoot: string | MediaScope | ((sample: Sample) => MediaScope);
  /** False: a main file that is there already is never replaced (`OUTPUT_EXISTS`). @default true */
  overwrite?: boolean;
  /** Options of the format. */
  options?: Readonly<Record<string, unknown>>;
  /** Write what the format can hold and report the rest, instead of refusing. @default false */
  lossy?: boolean;
  /** Spaces of indentation in a JSON array. @default 1 */
  indent?: number;
  /** Count rows, media and losses; write nothing and refuse nothing. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
}

/** What the written data set doesn't have: one entry for each kind of loss. */
export interface Loss {
  what: string;
  count: number;
  /** The first 20. */
  ids: string[];
}

export interface Written {
  rows: number;
  /** Absolute paths, the main file first. */
  files: string[];
  mediaFiles: number;
  lost: Loss[];
}

/**
 * Write samples in a format. Main file, side files and media appear only when all samples have passed; the main file appears
 * last. Throws `FORMAT_CANNOT_HOLD` with everything that would be lost (nothing is written then) unless `lossy`, `OUTPUT_EXISTS`.
 * Media that can't be found keep their path and are reported, but refuse nothing.
 */
export async function writeDataset(request: WriteRequest): Promise<Written> {
  const format = formatNamed(request.format);
  const write = { options: request.options ?? {}, indent: request.indent ?? 1 };
  const isFolder = format.container === 'folder';
  const out = resolve(request.out);
  const main = isFolder
    ? join(out, 'metadata.jsonl')
    : /^\.(json|jsonl|ndjson)$/i.test(extname(out))
      ? out
      : join(out, `data${format.extension}`);
  const asArray = extname(main).toLowerCase() === '.json';
  const folder = dirname(main);
  if (request.overwrite === false && existsSync(main)) throw outputExists(main);
  const { mediaRoot } = request;
  const scope = typeof mediaRoot === 'string' ? { mediaRoot } : mediaRoot;
  const media = planMedia(
    typeof scope === 'function' ? scope : () => scope,
    request.media ?? 'keep',
    folder,
    isFolder ? '' : 'images',
  );
  const pass = (sink: Sink): Promise<Passed> => passSamples(request, { format, write, asArray, media, sink });
  const refuse = ({ losses }: Passed): void => {
    if (losses.length > 0 && request.lossy !== true) throw cannotHold(format.title, losses);
  };
  if (request.dryRun === true) {
    const passed = await pass({ write: async () => undefined, flush: async () => undefined });
    return { rows: passed.rows, files: [main], mediaFiles: media.count(), lost: [...passed.losses, ...passed.missing] };
  }
  const made = await writing(folder, async () => mkdirSync(folder, { recursive: true }));
  sweepTemporary(folder);
  const file = await openAtomic(main);
  try {
    const passed = await pass(textSink(file));
    refuse(passed);
    const sides = (format.sideFiles?.(main, write, passed.columns) ?? []).map((side) => ({
      path: join(folder, side.name),
      content: merged(folder, side),
    }));
    const mediaFiles = await media.make();
    for (const side of sides) await writeFileAtomic(side.path, side.content);
    await file.commit();
    return {
      rows: passed.rows,
      files: [main, ...sides.map((side) => side.path)],
      mediaFiles,
      lost: [...passed.losses, ...passed.missing],
    };
  } finally {
    await file.abort();
    if (made !== undefined) await removeIfEmpty(folder, made);
  }
}

interface Sink {
  write(text: string): Promise<void>;
  flush(): Promise<void>;
}

interface Passed {
  rows: number;
  /** What the format can't hold. */
  losses: Loss[];
  /** Media that aren't there; they refuse nothing. */
  missing: Loss[];
  columns: Set<string>;
}

/** Send every sample through the format to the sink. Once something is lost that may not be, only the losses are counted on. */
async function passSamples(
  request: WriteRequest,
  to: { format: Format; write: WriteOptions; asArray: boolean; media: MediaPlan; sink: Sink },
): Promise<Passed> {
  const losses = new Map<string, Loss>();
  const missing = new Map<string, Loss>();
  const columns = new Set<string>();
  let rows = 0;
  for await (const original of request.samples) {
    request.signal?.throwIfAborted();
    for (const what of to.format.cannotHold(original, to.write)) note(losses, what, original.id);
    if (losses.size > 0 && request.lossy !== true) continue;
    const { sample, trouble } = await to.media.place(original);
    for (const what of new Set(trouble)) note(missing, what, original.id);
    const records = to.format.write(sample, to.write);
    if (records.length === 0) note(losses, 'the whole row', original.id);
    for (const record of records) {
      if (isObject(record)) for (const key of Object.keys(record)) columns.add(key);
      const element = to.asArray ? indented(record, to.write.indent ?? 1) : JSON.stringify(record);
      await to.sink.write(to.asArray ? `${rows === 0 ? '[\n' : ',\n'}${element}` : `${element}\n`);
      rows++;
    }
  }
  if (to.asArray) await to.sink.write(rows === 0 ? '[]\n' : '\n]\n');
  await to.sink.flush();
  return { rows, losses: [...losses.values()], missing: [...missing.values()], columns };
}

function note(losses: Map<string, Loss>, what: string, id: string): void {
  const loss = losses.get(what) ?? { what, count: 0, ids: [] };
  loss.count++;
  if (loss.ids.length < 20) loss.ids.push(id);
  losses.set(what, loss);
}

function outputExists(file: string): WinnowError {
  return new WinnowError({
    code: 'OUTPUT_EXISTS',
    message: 'the file to write is there already',
    where: { file },
    hint: 'Choose another name, or replace it with --force.',
    exitCode: 2,
  });
}

function cannotHold(title: string, lost: Loss[]): WinnowError {
  const list = lost
    .map(({ what, count, ids }) => `${what} (${count} ${count === 1 ? 'row' : 'rows'}, first ${ids[0]})`)
    .join('; ');
  return new WinnowError({
    code: 'FORMAT_CANNOT_HOLD',
    message: `${title} can't hold: ${list}. Nothing was written`,
    hint: 'Choose another format, filter these rows out, or accept the loss with --lossy.',
  });
}

/** A record as an element of an indented array, as Python's `json.dump(rows, indent=1)` prints it. */
function indented(record: unknown, indent: number): string {
  const pad = ' '.repeat(indent);
  return pad + JSON.stringify(record, null, indent).replaceAll('\n', `\n${pad}`);
}

function textSink(file: AtomicFile): Sink {
  let parts: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (size > 0) await writing(file.path, () => file.handle.writeFile(parts.join('')));
    parts = [];
    size = 0;
  };
  return {
    async write(text) {
      parts.push(text);
      size += text.length;
      if (size > 1 << 20) await flush();
    },
    flush,
  };
}

function merged(folder: string, side: SideFile): string {
  const path = join(folder, side.name);
  if (!side.mergeKeys || !existsSync(path)) return side.content;
  try {
    const there: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isObject(there)) return `${JSON.stringify({ ...there, ...JSON.parse(side.content) }, null, 1)}\n`;
  } catch {
    // Falls through to the error below: a registry that can't be read must not be overwritten.
  }
  throw new WinnowError({
    code: 'REGISTRY_DAMAGED',
    message: `${basename(path)} is there already and is not a JSON object`,
    where: { file: path },
    hint: 'Mend or move it, or write into another folder.',
  });
}

/** Takes away the empty folders from `folder` up to `made`, the first that was made. */
async function removeIfEmpty(folder: string, made: string): Promise<void> {
  for (let at = folder; at.startsWith(made); at = dirname(at)) await rmdir(at).catch(() => undefined);
}
