import { rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { sha256, sortKeys } from './canonical.ts';
import type { BatchOptions, Dataset, SampleBatch } from './dataset.ts';
import { WinnowError } from './errors.ts';
import { listedSource } from './folder-source.ts';
import type { Format, Probe } from './format.ts';
import { detectFormat, formatNamed, formats, takes } from './formats/registry.ts';
import { buildIndex } from './index-build.ts';
import { INDEX_VERSION, loadIndex, saveIndex } from './index-file.ts';
import type { RowIndex } from './index-table.ts';
import { openJsonSource } from './json-source.ts';
import { type Located, locate } from './locate.ts';
import type { FetchedMedia } from './media.ts';
import { PACKED } from './pack.ts';
import { probePath } from './probe.ts';
import { QUARANTINED } from './row-facts.ts';
import type { Sample } from './sample.ts';
import { scanRows } from './scan.ts';
import type { RecordSource, SourceRoom } from './source.ts';
import { isPipe, spoolPipe } from './spool.ts';
import { type PlainFile, plainFile } from './unpack.ts';

export interface OpenOptions {
  /** Format name; detected when absent. */
  format?: string;
  /** Media root. @default the folder of the file */
  images?: string;
  /** @default the file's name without extension */
  name?: string;
  /** Options of the format, e.g. `columns` and `tags`; `dataset` picks an entry of a `dataset_info.json`. */
  options?: Readonly<Record<string, unknown>>;
  /** Where the index is kept, so that the next opening is instant. Absent: not kept. */
  cacheDir?: string;
  /** Further folders that links inside the media root may lead to. */
  allow?: readonly string[];
  /** Where media that were fetched before are found. */
  fetched?: (url: string) => FetchedMedia | undefined;
  /** What happens to a file none of whose rows can be used: only the doctor has a use for it. @default 'refuse' */
  unreadable?: 'refuse' | 'keep';
  signal?: AbortSignal;
  /** While the index is made: rows so far, and bytes so far of all bytes. */
  progress?: (rows: number, bytes: number, total: number) => void;
}

/**
 * Open and index a data set; `-` is standard input. Gzip and zstd are taken off first, whatever the name says. The index is read from `cacheDir` when path, size, time, format and options are those it was
 * made from. Throws `NOT_FOUND`, `FORMAT_UNKNOWN`, `FILE_TRUNCATED`, `FILE_EMPTY`, `NOT_JSON`; rows that can't be read
 * never throw: they are in `quarantined`.
 */
export async function openDataset(path: string, settings: OpenOptions = {}): Promise<Dataset> {
  const wantedEntry = settings.options?.dataset;
  const piped = isPipe(path);
  const located = piped
    ? { path: await spoolPipe(path, settings.signal), options: {} }
    : locate(path, {
        ...(settings.format === undefined ? {} : { format: formatNamed(settings.format).name }),
        ...(typeof wantedEntry === 'string' ? { dataset: wantedEntry } : {}),
      });
  const options = { ...located.options, ...settings.options };
  requireFolder(settings.images);
  const removable = piped ? [located.path] : [];
  let plain: PlainFile | undefined;
  try {
    plain = await plainFile(located.path, settings.cacheDir, settings.signal);
    if (plain.temporary) removable.push(plain.path);
    return await openPlain(plain, located, piped, settings, options);
  } catch (error) {
    const isCopy = (file: string): boolean => file === plain?.path || (piped && file === located.path);
    throw underItsOwnName(error, isCopy, piped ? 'standard input' : located.path, plain?.packed !== undefined);
  } finally {
    // Open files stay readable without a name; where they don't (Windows) the folder for temporary files keeps them.
    for (const file of removable) rmSync(file, { force: true });
  }
}

/** A fault found in a copy (unpacked, or of what came through a pipe), told of what people know. */
function underItsOwnName(error: unknown, isCopy: (file: string) => boolean, known: string, unpacked: boolean): unknown {
  if (!(error instanceof WinnowError) || error.where.file === known || !isCopy(error.where.file ?? '')) return error;
  const { code, message, where, hint, exitCode } = error;
  return new WinnowError({
    code,
    message: unpacked ? `${message} (once unpacked)` : message,
    where: { ...where, file: known },
    ...(hint === undefined ? {} : { hint }),
    exitCode,
    cause: error,
  });
}

async function openPlain(
  plain: PlainFile,
  located: Located,
  piped: boolean,
  settings: OpenOptions,
  options: Readonly<Record<string, unknown>>,
): Promise<Dataset> {
  const label = piped ? 'stdin' : basename(located.path).replace(PACKED, '');
  const { probe, source, format, detected } = await openSource(plain, located, settings, options);
  try {
    const stat = statSync(located.path);
    const made = [INDEX_VERSION, located.path, stat.size, stat.mtimeMs, format.name, sortKeys(options)];
    const key = sha256(JSON.stringify(source.identity === undefined ? made : [...made, source.identity]));
    const cached =
      settings.cacheDir === undefined || (probe.isFolder && source.identity === undefined) || piped
        ? undefined
        : join(settings.cacheDir, `${Buffer.from(key).toString('hex').slice(0, 32)}.index`);
    let index = cached === undefined ? undefined : loadIndex(cached);
    if (index === undefined) {
      const { signal, progress } = settings;
      const total = statSync(plain.path).size;
      index = await buildIndex({
        source,
        format,
        file: label,
        options,
        ...(signal === undefined ? {} : { signal }),
        ...(progress === undefined ? {} : { progress: (rows, bytes) => progress(rows, bytes, total) }),
      });
      if (cached !== undefined) await saveIndex(cached, index);
    } else await source.ready?.(settings.signal);
    if (settings.unreadable !== 'keep') requireReadable(index, located.path, format, settings.format !== undefined);
    return dataset({
      name: settings.name ?? basename(label, extname(label)),
      path: piped ? '-' : located.path,
      file: label,
      detected,
      mediaRoot: resolve(settings.images ?? (piped ? '.' : probe.isFolder ? located.path : dirname(located.path))),
      allow: (settings.allow ?? []).map((folder) => resolve(folder)),
      fetched: settings.fetched,
      cacheFiles: [
        ...(cached === undefined ? [] : [cached]),
        ...(plain.packed === undefined || plain.temporary ? [] : [plain.path]),
        ...(source.kept === undefined ? [] : [source.kept]),
      ],
      format,
      options,
      index,
      source,
      ...(source.embedded === undefined ? {} : { embedded: source.embedded }),
    });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** What the file is and its records, by the format that was told, registered, or is surest of it. */
async function openSource(
  plain: PlainFile,
  located: Located,
  settings: OpenOptions,
  options: Readonly<Record<string, unknown>>,
): Promise<{ probe: Probe; source: RecordSource; format: Format; detected: string }> {
  const { probe, shape, notJson } = probePath(plain.path, located.path);
  const { format, detected } = chooseFormat(settings.format, located, probe, notJson);
  const about = {
    probe,
    format,
    detected: plain.packed === undefined ? detected : `${detected}; packed with ${plain.packed}`,
  };
  if (format.listFolder !== undefined && probe.isFolder) {
    return { ...about, source: listedSource(await format.listFolder(located.path)) };
  }
  // A container is known by itself: what stands in its records is the format's to say.
  const container =
    shape === undefined && !format.openSource
      ? formats.find((item) => item.holdsMedia && item.sniff(probe).confidence > 0)
      : format;
  if (container?.openSource !== undefined) {
    const source = await container.openSource(probe, options, located.path, roomOf(settings));
    const says = source.says === undefined ? '' : `; ${source.says}`;
    return { ...about, detected: about.detected + says, source };
  }
  if (shape === undefined) throw notJson;
  return { ...about, source: openJsonSource(plain.path, shape) };
}

function roomOf({ cacheDir, signal, progress }: OpenOptions): SourceRoom {
  return {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress: (done, total) => progress(0, done, total) }),
  };
}

function requireFolder(images: string | undefined): void {
  if (images === undefined || statSync(images, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new WinnowError({
    code: 'MEDIA_ROOT_MISSING',
    message: 'the folder of the images does not exist',
    where: { file: resolve(images) },
    hint: 'Check --images: the folder that media paths start from.',
    exitCode: 2,
  });
}

function chooseFormat(
  given: string | undefined,
  registered: Located,
  probe: Probe,
  notJson: WinnowError | undefined,
): { format: Format; detected: string } {
  const { because } = registered;
  const container = CONTAINERS[probe.isFolder ? 'folder' : probe.container];
  const named = given ?? registered.format;
  if (named === undefined) {
    const found = detectFormat(probe, notJson);
    const place = because === undefined ? '' : ` (${because})`;
    return { format: found.format, detected: `detected ${found.format.title}: ${container}, ${found.because}${place}` };
  }
  const format = formatNamed(named);
  if (!takes(format, probe)) {
    throw new WinnowError({
      code: 'FORMAT_MISFIT',
      message: `format "${format.name}" reads ${format.container === 'folder' ? 'a folder' : 'a file'}, and this is ${probe.isFolder ? 'a folder' : 'a file'}`,
      where: { file: registered.path },
      hint: 'Give another path or another --format.',
      exitCode: 2,
    });
  }
  return {
    format,
    detected:
      given === undefined ? `${format.title}: ${container}, ${because}` : `${format.title}: ${container}, as told`,
  };
}

const CONTAINERS = {
  folder: 'folder',
  array: 'JSON array',
  lines: 'JSON lines',
  object: 'JSON object',
  none: 'file',
};

/** A file none of whose rows can be read is the wrong file or the wrong format, not a data set of bad rows. */
function requireReadable(index: RowIndex, path: string, format: Format, told: boolean): void {
  if (index.rows > index.quarantined.length) return;
  if (index.rows === 0) {
    throw new WinnowError({
      code: 'DATASET_EMPTY',
      message: `no ${format.container === 'folder' ? 'images' : 'records'} were found`,
      where: { file: path },
      hint: 'Give a data set with at least one sample.',
    });
  }
  const first = index.quarantined[0]!;
  throw new WinnowError({
    code: 'NO_ROW_READABLE',
    message: `none of the ${index.rows} rows can be read as ${format.title}; the first: ${first.reason}`,
    where: { file: path, row: first.row, id: first.id },
    hint: told ? 'Leave --format out to have the format detected.' : 'Say the format with --format.',
  });
}

interface Opened {
  name: string;
  path: string;
  /** What rows without an id are called after. */
  file: string;
  detected: string;
  mediaRoot: string;
  allow: readonly string[];
  fetched: OpenOptions['fetched'];
  cacheFiles: readonly string[];
  format: Format;
  options: Readonly<Record<string, unknown>>;
  index: RowIndex;
  source: RecordSource;
  embedded?: string;
}

function dataset({ index, source, format, options, file, ...about }: Opened): Dataset {
  let ids: string[] | undefined;
  let mismatched: Set<number> | undefined;
  const isMismatched = (row: number): boolean => {
    mismatched ??= new Set(index.quarantined.filter((q) => q.code === 'PLACEHOLDER_COUNT').map((q) => q.row));
    return mismatched.has(row);
  };
  const read = (rows: readonly number[], salvage = false): (Sample | null)[] => {
    const isUsable = (row: number): boolean =>
      (index.flags[row]! & QUARANTINED) === 0 || (salvage && isMismatched(row));
    const good = rows.filter((row) => row >= 0 && row < index.rows && isUsable(row));
    const records = source.read(good.map((row) => ({ offset: index.offsets[row]!, length: index.lengths[row]! })));
    const samples = new Map<number, Sample>();
    for (const [at, row] of good.entries()) {
      const result = format.read(records[at], { file, row, options });
      const sample = result.ok || salvage ? result.sample : undefined;
      if (sample === undefined) throw (result as { error: WinnowError }).error;
      sample.id = index.ids.at(row);
      samples.set(row, sample);
    }
    return rows.map((row) => samples.get(row) ?? null);
  };
  const hashes = (start: number, end: number): string =>
    Buffer.from(index.hashes.buffer, index.hashes.byteOffset + start * 32, (end - start) * 32).toString('hex');
  return {
    name: about.name,
    path: about.path,
    format: format.name,
    detected: about.detected,
    mediaRoot: about.mediaRoot,
    allow: about.allow,
    ...(about.fetched === undefined ? {} : { fetched: about.fetched }),
    cacheFiles: about.cacheFiles,
    ...(about.embedded === undefined ? {} : { embedded: about.embedded }),
    rows: index.rows,
    hash: index.hash,
    options,
    get ids() {
      ids ??= Array.from({ length: index.rows }, (_, row) => index.ids.at(row));
      return ids;
    },
    rowHash: (row) => hashes(row, row + 1),
    rowHashes: hashes,
    rowOf: (id) => index.ids.rowOf(id),
    quarantined: index.quarantined,
    rowFlags: index.flags,
    sourceOf: (row) => (index.sources[row]! < 0 ? null : index.sourceNames[index.sources[row]!]!),
    async *batches({
      size = 1024,
      start = 0,
      end = index.rows,
      salvage = false,
      signal,
    }: BatchOptions = {}): AsyncGenerator<SampleBatch> {
      const last = Math.min(end, index.rows);
      for (let first = Math.max(0, start); first < last; first += size) {
        signal?.throwIfAborted();
        const rows = Array.from({ length: Math.min(size, last - first) }, (_, i) => first + i);
        yield { start: first, samples: read(rows, salvage) };
      }
    },
    scan: (visit, signal) => scanRows({ source, format, index, file, options }, visit, signal),
    get: async (rows) => read(rows),
    async close() {
      source.close();
    },
  };
}
