import { rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { refuseSpecialFile } from '../../base/files/regular-file.ts';
import { sha256, sortKeys } from '../canonical.ts';
import type { Dataset } from '../dataset.ts';
import type { Format } from '../format.ts';
import { formatNamed } from '../formats/detect.ts';
import { buildIndex } from '../index/index-build.ts';
import { INDEX_VERSION, loadIndex, saveIndex } from '../index/index-file.ts';
import type { RowIndex } from '../index/index-table.ts';
import { indexedDataset } from '../index/indexed-dataset.ts';
import type { FetchedMedia } from '../media/media.ts';
import { COMPRESSED } from '../records/compress.ts';
import { type DecompressedFile, decompress } from '../records/decompress.ts';
import type { OpenContext } from '../records/source.ts';
import { isPipe, spoolPipe } from '../records/spool.ts';
import { type Located, locate } from './locate.ts';
import { openSource } from './open-source.ts';

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
  /** Where media were found whose paths lead nowhere, relative to the media root. */
  found?: (path: string) => string | undefined;
  /** Where media that were fetched before are found. */
  fetched?: (url: string) => FetchedMedia | undefined;
  /** What happens to a file none of whose rows can be used: only the doctor has a use for it. @default 'refuse' */
  unreadable?: 'refuse' | 'keep';
  signal?: AbortSignal;
  /** While the index is made: rows so far, and bytes so far of all bytes. */
  progress?: (rows: number, bytes: number, total: number) => void;
}

/**
 * Open and index a data set; `-` is standard input. Gzip and zstd are taken off first, whatever the name says. The
 * index is read from `cacheDir` when path, size, time, format and options are those it was made from. Throws
 * `NOT_FOUND`, `FORMAT_UNKNOWN`, `FILE_TRUNCATED`, `FILE_EMPTY`, `NOT_JSON`; rows that can't be read never throw: they
 * are in `quarantined`.
 */
export async function openDataset(path: string, settings: OpenOptions = {}): Promise<Dataset> {
  const wantedEntry = settings.options?.dataset;
  const piped = isPipe(path);
  if (!piped) refuseSpecialFile(path);
  const located = piped
    ? { path: await spoolPipe(path, settings.signal), options: {} }
    : locate(path, {
        format: settings.format === undefined ? undefined : formatNamed(settings.format).name,
        dataset: typeof wantedEntry === 'string' ? wantedEntry : undefined,
      });
  const options = { ...located.options, ...settings.options };
  requireFolder(settings.images);
  const removable = piped ? [located.path] : [];
  let plain: DecompressedFile | undefined;
  try {
    plain = await decompress(located.path, settings.cacheDir, settings.signal);
    if (plain.temporary) removable.push(plain.path);
    return await openPlain(plain, located, piped, settings, options);
  } catch (error) {
    if (error instanceof WinnowError && plain?.isNew) removable.push(plain.path);
    const isCopy = (file: string): boolean => file === plain?.path || (piped && file === located.path);
    throw underItsOwnName(error, isCopy, piped ? 'standard input' : located.path, plain?.compression !== undefined);
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
    message: unpacked ? message.replace(/\.?$/, ' (once decompressed).') : message,
    where: { ...where, file: known },
    hint,
    exitCode,
    cause: error,
  });
}

async function openPlain(
  plain: DecompressedFile,
  located: Located,
  piped: boolean,
  settings: OpenOptions,
  options: Readonly<Record<string, unknown>>,
): Promise<Dataset> {
  const label = piped ? 'stdin' : basename(located.path).replace(COMPRESSED, '');
  const { probe, source, format, detected } = await openSource(
    plain,
    located,
    settings.format,
    openContextOf(settings),
    options,
  );
  try {
    const stat = statSync(located.path);
    const made = [INDEX_VERSION, located.path, stat.size, stat.mtimeMs, format.name, sortKeys(options)];
    const key = sha256(JSON.stringify(source.identity === undefined ? made : [...made, source.identity]));
    const cached =
      settings.cacheDir === undefined || (probe.isFolder && source.identity === undefined) || piped
        ? undefined
        : join(settings.cacheDir, `${Buffer.from(key).toString('hex').slice(0, 32)}.index`);
    let index = cached === undefined ? undefined : loadIndex(cached);
    const isNew = index === undefined;
    if (index === undefined) {
      const { signal, progress } = settings;
      const total = statSync(plain.path).size;
      index = await buildIndex({
        source,
        format,
        file: label,
        options,
        signal,
        progress: progress === undefined ? undefined : (rows, bytes) => progress(rows, bytes, total),
      });
    } else await source.ready?.(settings.signal);
    if (settings.unreadable !== 'keep') requireReadable(index, located.path, format, settings.format !== undefined);
    // Behind all that may refuse the file: nothing of a refused one is kept.
    if (isNew && cached !== undefined) await saveIndex(cached, index);
    return indexedDataset({
      name: settings.name ?? basename(label, extname(label)),
      path: piped ? '-' : located.path,
      file: label,
      detected,
      mediaRoot: resolve(settings.images ?? (piped ? '.' : probe.isFolder ? located.path : dirname(located.path))),
      allow: (settings.allow ?? []).map((folder) => resolve(folder)),
      found: settings.found,
      fetched: settings.fetched,
      cacheFiles: [
        ...(cached === undefined ? [] : [cached]),
        ...(plain.compression === undefined || plain.temporary ? [] : [plain.path]),
        ...(source.kept === undefined ? [] : [source.kept]),
      ],
      format,
      options,
      index,
      source,
      embedded: source.embedded,
    });
  } catch (error) {
    source.close();
    if (error instanceof WinnowError) source.discard?.();
    throw error;
  }
}

function requireFolder(images: string | undefined): void {
  if (images === undefined || statSync(images, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new WinnowError({
    code: 'MEDIA_ROOT_MISSING',
    message: 'The folder of the images does not exist.',
    where: { file: resolve(images) },
    hint: 'Check --images: the folder that media paths start from.',
    exitCode: 2,
  });
}

/** A file none of whose rows can be read is the wrong file or the wrong format, not a data set of bad rows. */
function requireReadable(index: RowIndex, path: string, format: Format, told: boolean): void {
  if (index.rows > index.quarantined.length) return;
  if (index.rows === 0) {
    throw new WinnowError({
      code: 'DATASET_EMPTY',
      message: `No ${format.container === 'folder' ? 'images' : 'records'} were found.`,
      where: { file: path },
      hint: 'Give a data set with at least one sample.',
    });
  }
  const first = index.quarantined[0]!;
  throw new WinnowError({
    code: 'NO_ROW_READABLE',
    message: `None of the ${index.rows} rows can be read as ${format.title}; the first: ${first.reason}`,
    where: { file: path, row: first.row, id: first.id },
    hint: told ? 'Leave --format out to have the format detected.' : 'Say the format with --format.',
  });
}

function openContextOf({ cacheDir, signal, progress }: OpenOptions): OpenContext {
  return {
    cacheDir,
    signal,
    progress: progress === undefined ? undefined : (done, total) => progress(0, done, total),
  };
}
