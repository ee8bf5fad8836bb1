import { existsSync, readFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { WinnowError } from '../../base/errors.ts';
import { sweepTemporary } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { type OutputGuard, outputGuard } from '../../base/files/output-guard.ts';
import { type BoxWriter, boxWriter } from '../boxes/write-boxes.ts';
import { exactJson, isNonFinite, numberFrom, parseExact } from '../exact-number.ts';
import type { Format, SideFile, WriteOptions } from '../format.ts';
import { isObject } from '../formats/build.ts';
import type { ColumnTypes } from '../formats/column-types.ts';
import { formatNamed } from '../formats/detect.ts';
import type { MediaScope } from '../media/media.ts';
import { type MediaMode, type MediaPlan, planMedia } from '../media/place-media.ts';
import { type RenderOptions, renderSettings } from '../media/render.ts';
import { COMPRESSED } from '../records/compress.ts';
import { joinArray, joinLines } from '../records/json-join.ts';
import { openJsonSink } from '../records/json-sink.ts';
import { toStandardOutput } from '../records/output.ts';
import type { Joiner, RecordSink } from '../records/sink.ts';
import type { Sample } from '../sample.ts';

export interface WriteRequest {
  samples: AsyncIterable<Sample> | Iterable<Sample>;
  /** Format name. */
  format: string;
  /**
   * Main file, by its extension an array (`.json`) or lines (`.jsonl`), packed where `.gz` or `.zst` follows; without
   * one a folder for `data.json[l]`; `-` is standard output.
   */
  out: string;
  /** @default 'keep' */
  media?: MediaMode;
  /**
   * Where the samples' media are: their data set, or its media root; asked for each sample where they come from
   * several.
   */
  mediaRoot: string | MediaScope | ((sample: Sample) => MediaScope);
  /**
   * Subfolder for images that are linked or copied; '' keeps their paths as they are under the media root. @default
   * 'images'
   */
  mediaFolder?: string;
  /** What may be replaced. @default nothing */
  guard?: OutputGuard | undefined;
  /** Go on where a killed writing left off: files that are there with the same bytes are no fault. @default false */
  resume?: boolean | undefined;
  /** Options of the format. */
  options?: Readonly<Record<string, unknown>>;
  /** Types that number columns had in the table that the samples come from: Parquet keeps them where they still fit. */
  columnTypes?: ColumnTypes;
  /**
   * Write images anew: upright, RGB, within a pixel budget, re-encoded, named by content. Needs `media` to be copied,
   * embedded or inside.
   */
  render?: RenderOptions;
  /** Write what the format can hold and report the rest, instead of refusing. @default false */
  lossy?: boolean;
  /** Spaces of indentation in a JSON array. @default 1 */
  indent?: number;
  /**
   * Count rows, media and losses; write nothing and refuse nothing (`strict`: refuse as if it were to be written).
   * @default false
   */
  dryRun?: boolean | 'strict';
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
  /**
   * What happened to media: `inside` where the format holds them, `copy` where links were asked for and images
   * rendered.
   */
  media: MediaMode;
  lost: Loss[];
}

const JSON_FILE = /\.(json|jsonl|ndjson)$/;

/**
 * Write samples in a format. Main file, side files and media appear only when all samples have passed; the main file
 * appears last. Throws `FORMAT_CANNOT_HOLD` with everything that would be lost (nothing is written then) unless
 * `lossy`, `OUTPUT_EXISTS`. Media that can't be found keep their path and are reported, but refuse nothing.
 */
export async function writeDataset(request: WriteRequest): Promise<Written> {
  const staged = await stageDataset(request);
  try {
    return await staged.commit();
  } finally {
    await staged.discard();
  }
}

/** A data set that is written whole, under temporary names. */
export interface Staged {
  /** Let everything appear. */
  commit(): Promise<Written>;
  /** Remove what has no name of its own yet. */
  discard(): Promise<void>;
}

/** The first half of {@link writeDataset}, for callers that write several which are to appear together. */
export async function stageDataset(request: WriteRequest): Promise<Staged> {
  const format = formatNamed(request.format);
  const { columnTypes } = request;
  const write = { options: request.options ?? {}, indent: request.indent ?? 1, columnTypes };
  const main = mainFile(request.out, format);
  const mode = mediaMode(request.media, format);
  requireFilesForPipe(main, mode, format);
  const render = renderSettings(request.render);
  if (render !== undefined && mode === 'keep') throw renderNeedsCopy();
  const folder = main === '-' ? process.cwd() : dirname(main);
  const { guard = outputGuard() } = request;
  if (main !== '-' && request.resume !== true) await checkFirst(main, format.shardsThere?.(main, write) ?? [], guard);
  const { mediaRoot } = request;
  const scope = typeof mediaRoot === 'string' ? { mediaRoot } : mediaRoot;
  // What is rendered is a new file; there is nothing to link to.
  const placed = render !== undefined && mode === 'link' ? 'copy' : mode;
  const within = format.container === 'folder' || mode === 'inside' ? '' : (request.mediaFolder ?? 'images');
  const isDry = request.dryRun !== undefined && request.dryRun !== false;
  const scopeOf = typeof scope === 'function' ? scope : () => scope;
  const boxes = boxWriter(format, write.options, render, scopeOf);
  const media = planMedia(scopeOf, placed, folder, {
    within,
    videosBeside: format.holdsMedia === 'images',
    guard,
    render: isDry ? undefined : render,
  });
  if (isDry) {
    const passed = await passSamples(request, { format, write, media, boxes, scopeOf });
    if (passed.refused.length > 0) throw cannotHold(format, passed.refused);
    const { rows, lost } = passed;
    const written = { rows, files: [main], mediaFiles: media.count(), media: placed, lost };
    return { commit: async () => written, discard: () => media.close() };
  }
  const made = main === '-' ? undefined : makeFolder(folder);
  if (main !== '-') sweepTemporary(folder);
  const sink = await (format.openSink?.(main, write, media.load) ?? openJsonSink(main, joinerOf(format, main, write)));
  const discard = async (): Promise<void> => {
    await sink.abort();
    await media.close();
    if (made !== undefined) await removeIfEmpty(folder, made);
  };
  try {
    const { refused, rows, columns, lost } = await passSamples(request, { format, write, media, boxes, scopeOf, sink });
    if (refused.length > 0) throw cannotHold(format, refused);
    const finished = await sink.finish();
    const about = { rows, mediaFiles: media.count(), media: placed, lost };
    if (main === '-') {
      const commit = async (): Promise<Written> => {
        await toStandardOutput(finished[0]!.temporary);
        return { ...about, files: [main] };
      };
      return { commit, discard };
    }
    const files = finished.map(({ path }) => path);
    // Shards of an older, longer writing would be read together with the new ones.
    const stale = (format.shardsThere?.(main, write) ?? []).filter((old) => !files.includes(old));
    const sides = format.sideFiles?.(main, write, columns) ?? [];
    for (const { path, temporary } of finished) await guard.judge(path, { file: temporary });
    for (const old of stale) await guard.check(old);
    await planSides(folder, sides, guard);
    const commit = async (): Promise<Written> => {
      const mediaFiles = await media.make();
      // Planned anew: what was committed meanwhile may have added to the same registry.
      await (await planSides(folder, sides, guard))();
      await guard.commit(finished);
      await guard.remove(stale);
      return { ...about, mediaFiles, files: [...files, ...sides.map(({ name }) => join(folder, name))] };
    };
    return { commit, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Where the records go, as an absolute path; `-` stays what it is. */
export function mainFile(given: string, format: Format): string {
  if (given === '-') return given;
  const out = resolve(given);
  if (format.container === 'folder') return join(out, 'metadata.jsonl');
  const name = out.replace(COMPRESSED, '').toLowerCase();
  const isFile = format.openSink === undefined ? JSON_FILE.test(name) : name.endsWith(format.extension);
  return isFile ? out : join(out, `data${format.extension}`);
}

/** A container takes the media in, however they were to go along; unless paths alone are wanted. */
function mediaMode(given: MediaMode | undefined, format: Format): MediaMode {
  if (format.holdsMedia && given !== 'keep') return 'inside';
  return given ?? 'keep';
}

function joinerOf(format: Format, main: string, write: WriteOptions & { indent: number }): Joiner {
  if (format.joiner !== undefined) return format.joiner(main, write);
  const name = main.replace(COMPRESSED, '').toLowerCase();
  const asArray = main === '-' ? format.container === 'array' : name.endsWith('.json');
  return asArray ? joinArray(write.indent) : joinLines();
}

function requireFilesForPipe(main: string, media: MediaMode, format: Format): void {
  if (main !== '-') return;
  const needsFiles = format.container === 'folder' || format.openSink !== undefined;
  if (!needsFiles && media !== 'link' && media !== 'copy') return;
  throw new WinnowError({
    code: 'PIPE_HOLDS_NO_FILES',
    message: needsFiles
      ? `${format.title} can't be written to standard output.`
      : 'Images can be linked or copied only beside a written file, and "-" is standard output.',
    hint: needsFiles ? 'Name a file or folder instead of "-".' : 'Keep the paths as they are, or embed the images.',
    exitCode: 2,
  });
}

function renderNeedsCopy(): WinnowError {
  return new WinnowError({
    code: 'RENDER_NEEDS_COPY',
    message: 'Images are to be written anew, but their paths are kept as they are.',
    hint: 'Copy or embed the images: --images copy.',
    exitCode: 2,
  });
}

interface Passed {
  rows: number;
  /** What the format can't hold, if that may not be. */
  refused: Loss[];
  /** Everything that isn't in the written rows, media that aren't there included. */
  lost: Loss[];
  columns: Set<string>;
}

/**
 * Send every sample through the format to the sink. Once something is lost that may not be, only the losses are counted
 * on.
 */
async function passSamples(
  request: WriteRequest,
  to: {
    format: Format;
    write: WriteOptions;
    media: MediaPlan;
    boxes: BoxWriter;
    scopeOf: (sample: Sample) => MediaScope;
    sink?: RecordSink;
  },
): Promise<Passed> {
  const refusing = new Map<string, Loss>();
  const quiet = new Map<string, Loss>();
  const columns = new Set<string>();
  const strict = request.lossy !== true && request.dryRun !== true;
  let rows = 0;
  for await (const given of request.samples) {
    request.signal?.throwIfAborted();
    const { sample: original, losses: unplaced } = await to.boxes(given);
    for (const what of unplaced) note(refusing, what, given.id);
    for (const what of lossesOf(to.format, original, to.write)) note(refusing, what, original.id);
    if (request.media === 'keep' && standsInside(to.scopeOf(original), original))
      note(refusing, 'path of a medium that stands inside of the data set (--media copy makes it a file)', original.id);
    if (strict && refusing.size > 0) continue;
    for (const what of to.format.silentlyDrops?.(original, to.write) ?? []) note(quiet, what, original.id);
    const { sample, trouble } = await to.media.place(original);
    for (const what of new Set(trouble)) note(quiet, what, original.id);
    const records = to.format.write(sample, to.write).map((record) => withNumericId(record, sample));
    if (records.length === 0) note(refusing, 'the whole row', original.id);
    for (const record of records) {
      if (isObject(record)) for (const key of Object.keys(record)) columns.add(key);
      await to.sink?.write(record);
      rows++;
    }
  }
  const losses = [...refusing.values()];
  return { rows, refused: strict ? losses : [], lost: [...losses, ...quiet.values()], columns };
}

/**
 * Everything of a sample that a format has no place for: what the format says, and what is so of every format of its
 * kind.
 */
export function lossesOf(format: Format, sample: Sample, write: WriteOptions): string[] {
  return [
    ...format.cannotHold(sample, write),
    ...(sample.preference === undefined || format.holdsPreferences ? [] : ['rejected answer of a preference pair']),
    ...(format.holdsFrames || !sample.media.videos.some(({ frames }) => frames) ? [] : ['video given as frames']),
    ...(format.holdsNonFinite ? [] : nonFiniteColumns(sample)),
  ];
}

function nonFiniteColumns({ meta }: Sample): string[] {
  const holds = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return isNonFinite(value);
    return isNonFinite(value) || Object.values(value).some(holds);
  };
  const names = Object.keys(meta).filter((name) => holds(meta[name]));
  return names.map((name) => `NaN or Infinity in "${name}", which JSON has not`);
}

/** An id that is a number in its file is written as one, unless the format has made another of it. */
function withNumericId(record: unknown, { id, numericId }: Sample): unknown {
  if (!numericId || !isObject(record) || record.id !== id) return record;
  return { ...record, id: numberFrom(id) };
}

/**
 * True where a medium of the sample has no file but the one that was taken out of a container, which nobody else sees.
 */
function standsInside({ embedded, mediaRoot }: MediaScope, { media }: Sample): boolean {
  if (embedded === undefined) return false;
  const paths = [...media.images, ...media.videos].map(({ path }) => path);
  return paths.some((path) => existsSync(join(embedded, path)) && !existsSync(resolve(mediaRoot, path)));
}

function note(losses: Map<string, Loss>, what: string, id: string): void {
  const loss = losses.get(what) ?? { what, count: 0, ids: [] };
  loss.count++;
  if (loss.ids.length < 20) loss.ids.push(id);
  losses.set(what, loss);
}

/** Main file, or first shard, before the work: the others are there alone where a writing was killed. */
async function checkFirst(main: string, shards: readonly string[], guard: OutputGuard): Promise<void> {
  for (const path of [main, ...shards.filter((shard) => /-0{5,6}(-of-|\.)/.test(basename(shard)))])
    await guard.check(path);
}

/** What is to happen to the files beside the main one: judged now, done by the function that comes back. */
async function planSides(folder: string, sides: readonly SideFile[], guard: OutputGuard): Promise<() => Promise<void>> {
  const work: (() => Promise<void>)[] = [];
  for (const { name, content, mergeKeys } of sides) {
    const path = join(folder, name);
    const there = mergeKeys && existsSync(path) ? readRegistry(path) : undefined;
    const added = there === undefined ? {} : (JSON.parse(content) as Record<string, unknown>);
    const changed = Object.keys(added).filter((key) => !isDeepStrictEqual(there?.[key], added[key]));
    if (there === undefined) {
      await guard.judge(path, Buffer.from(content));
      work.push(() => guard.write(path, content));
    } else if (changed.length > 0) {
      if (changed.some((key) => key in there)) await guard.check(path);
      work.push(() => guard.extend(path, `${exactJson({ ...there, ...added }, 'null', 1)}\n`));
    }
  }
  return async () => {
    for (const one of work) await one();
  };
}

function cannotHold(format: Format, lost: Loss[]): WinnowError {
  const wider = format.widerOption?.(lost.map(({ what }) => what));
  const list = lost
    .map(({ what, count, ids }) => `${what} (${count} ${count === 1 ? 'row' : 'rows'}, first ${ids[0]})`)
    .join('; ');
  return new WinnowError({
    code: 'FORMAT_CANNOT_HOLD',
    message: `${format.title} can't hold: ${list}. Nothing was written.`,
    hint: `${wider === undefined ? 'Choose another format or an option of it (docs/formats.md has a list)' : `Write it with --option ${wider}, choose another format`}, filter these rows out, or accept the loss with --lossy.`,
  });
}

function readRegistry(path: string): Record<string, unknown> {
  try {
    const there = parseExact(readFileSync(path, 'utf8'));
    if (isObject(there)) return there;
  } catch {
    // Falls through to the error below: a registry that can't be read must not be overwritten.
  }
  throw new WinnowError({
    code: 'REGISTRY_DAMAGED',
    message: `${basename(path)} is there already and is not a JSON object.`,
    where: { file: path },
    hint: 'Fix or move it, or write into another folder.',
  });
}

/** Takes away the empty folders from `folder` up to `made`, the first that was made. */
async function removeIfEmpty(folder: string, made: string): Promise<void> {
  for (let at = folder; at.startsWith(made); at = dirname(at)) await rmdir(at).catch(() => undefined);
}
