import { existsSync } from 'node:fs';
import { basename, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { type Duck, openDuck } from '../base/duckdb.ts';
import { WinnowError } from '../base/errors.ts';
import { refuseSpecialFile } from '../base/files/regular-file.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { describeChanges } from '../dataset/index/changes.ts';
import { type MediaCache, openMediaCache } from '../dataset/media/media-cache.ts';
import { type OpenOptions, openDataset } from '../dataset/open/open.ts';
import { changedSinceImport } from './changes.ts';
import {
  CONFIG_FILE,
  createConfig,
  DatasetEntry,
  type ProjectConfig,
  readConfig,
  writeDatasetEntry,
} from './config.ts';
import { writeConfigSchema } from './config-schema.ts';
import { readFoundMedia } from './found-media.ts';
import { appendLineage, type EventEntry, type LineageEntry, lineageReader, type SignalEntry } from './lineage.ts';
import { type Locks, openLocks, withLock } from './lock.ts';
import type { ProjectPaths } from './paths.ts';
import { refuseSpecialFiles, sweepProject } from './temp-cleanup.ts';

/**
 * A project folder: `winnow.yaml` for people, `.winnow/` for what was measured and chosen. Holds open files: close it.
 */
export interface Project extends AsyncDisposable {
  readonly folder: string;
  readonly paths: ProjectPaths;
  /** Where two processes work on one project. */
  readonly locks: Locks;
  /** Tell people something although nothing failed. */
  note(text: string): void;
  /** Media that were fetched for this project. */
  readonly media: MediaCache;
  /** `winnow.yaml` as it is now. */
  config(): ProjectConfig;
  /** Add a data set (or replace the one of that name): it is opened first, so that a bad one isn't written down. */
  addDataset(
    entry: Omit<DatasetEntry, 'name'> & { name?: string },
    options?: Pick<OpenOptions, 'signal' | 'progress'> & { replace?: boolean | undefined },
  ): Promise<Dataset>;
  /** The data set of that name, else the first; opened once. */
  dataset(name?: string, options?: Pick<OpenOptions, 'signal' | 'progress'>): Promise<Dataset>;
  /** The project's DuckDB, started at the first call. */
  duck(): Promise<Duck>;
  /** What was done, oldest first; read again only when the file has changed. */
  lineage(): Promise<readonly LineageEntry[]>;
  /** Note something that was done; times stand here and in no other file. */
  record(entry: Omit<EventEntry, 'time'> | Omit<SignalEntry, 'time'>): Promise<void>;
  /** What else is to be closed with the project. */
  onClose(work: () => Promise<void>): void;
  close(): Promise<void>;
}

export interface OpenProjectOptions {
  /** Make the project where there is none. @default false */
  create?: boolean;
  /**
   * Told what people should know although nothing failed: rows that were changed since the import, shards that were cut
   * short.
   */
  note?: (text: string) => void;
}

/**
 * Open the project in `folder`. With `create`, make it where there is none. Throws `PROJECT_MISSING`, `CONFIG_INVALID`.
 */
export async function openProject(given: string, options: OpenProjectOptions = {}): Promise<Project> {
  const folder = resolve(given);
  const root = join(folder, '.winnow');
  const paths: ProjectPaths = {
    folder,
    root,
    signals: join(root, 'signals'),
    selections: join(root, 'selections'),
    indexes: join(root, 'indexes'),
    lineage: join(root, 'lineage.jsonl'),
    temporary: join(root, 'tmp'),
    locks: join(root, 'locks'),
    media: join(root, 'media'),
    foundMedia: join(root, 'found-media'),
    pictures: join(root, 'pictures'),
    runs: join(root, 'runs'),
  };
  if (!existsSync(join(folder, CONFIG_FILE))) {
    if (options.create !== true) {
      throw new WinnowError({
        code: 'PROJECT_MISSING',
        message: `There is no ${CONFIG_FILE}.`,
        where: { file: folder },
        hint: 'Run "winnow import FILE" here, or name the project with --project.',
        exitCode: 2,
      });
    }
  }
  refuseSpecialFiles(paths);
  const locks = openLocks(paths.locks);
  if (!existsSync(join(folder, CONFIG_FILE))) await withLock(locks, 'config', () => createConfig(folder));
  readConfig(folder);
  if (options.create === true) await writeConfigSchema(root);
  sweepProject(paths);
  const media = openMediaCache(paths.media);
  const datasets = new Map<string, Promise<Dataset>>();
  let duck: Promise<Duck> | undefined;
  const closing: (() => Promise<void>)[] = [];

  const open = async (entry: DatasetEntry, how: Pick<OpenOptions, 'signal' | 'progress'> = {}): Promise<Dataset> => {
    // What is read again whenever it is needed must be a file.
    refuseSpecialFile(resolve(folder, entry.path));
    return openDataset(resolve(folder, entry.path), {
      name: entry.name,
      cacheDir: paths.indexes,
      fetched: media.lookup,
      format: entry.format,
      images: entry.images === undefined ? undefined : resolve(folder, entry.images),
      allow: entry.allow?.map((path) => resolve(folder, path)),
      found: entry.foundMedia === undefined ? undefined : readFoundMedia(resolve(folder, entry.foundMedia)),
      options: entry.options,
      ...how,
    });
  };
  const lineage = lineageReader(paths.lineage);
  const note = options.note ?? (() => undefined);
  const noteChanges = async (dataset: Dataset): Promise<void> => {
    if (options.note === undefined) return;
    const change = changedSinceImport(paths, await lineage(), dataset);
    if (change === undefined) return;
    const which = change.rows === undefined ? '' : `: ${describeChanges(change.rows)}`;
    note(
      `${dataset.name} was changed since its import${which}. "winnow score" measures only rows that no equal row was measured of.`,
    );
  };
  const keep = (name: string, opening: Promise<Dataset>): Promise<Dataset> => {
    datasets.set(name, opening);
    opening.catch(() => datasets.delete(name));
    return opening;
  };

  const project: Project = {
    folder,
    paths,
    locks,
    note,
    media,
    config: () => readConfig(folder),
    async addDataset(given, how) {
      const name = datasetName(given);
      const entry = DatasetEntry.parse({
        ...given,
        name,
        path: portable(folder, given.path),
        ...(given.images === undefined ? {} : { images: portable(folder, given.images) }),
        ...(given.allow === undefined ? {} : { allow: given.allow.map((path) => portable(folder, path)) }),
      });
      requireOwnName(readConfig(folder).datasets, entry, how?.replace === true);
      const dataset = await open(entry, how);
      await datasets.get(entry.name)?.then((old) => old.close());
      await withLock(locks, 'config', () => writeDatasetEntry(folder, entry));
      await project.record({
        kind: 'import',
        name: entry.name,
        about: {
          path: entry.path,
          format: dataset.format,
          rows: dataset.rows,
          quarantined: dataset.quarantined.length,
          hash: dataset.hash,
          foundMedia: entry.foundMedia,
          index: dataset.cacheFiles[0] === undefined ? undefined : basename(dataset.cacheFiles[0]),
        },
      });
      return keep(entry.name, Promise.resolve(dataset));
    },
    async dataset(name, how) {
      const entries = readConfig(folder).datasets;
      const entry = name === undefined ? entries[0] : entries.find((item) => item.name === name);
      if (entry === undefined) {
        throw new WinnowError({
          code: 'DATASET_UNKNOWN',
          message: name === undefined ? 'The project has no data set yet.' : `The project has no data set "${name}".`,
          where: { file: join(folder, CONFIG_FILE) },
          hint:
            entries.length === 0
              ? 'Run "winnow import FILE" first.'
              : `${didYouMean(
                  name ?? '',
                  entries.map((item) => item.name),
                )}It has ${entries.map((item) => item.name).join(', ')}.`,
          exitCode: 2,
        });
      }
      const opened = datasets.get(entry.name);
      if (opened !== undefined) return opened;
      const opening = keep(entry.name, open(entry, how));
      await noteChanges(await opening);
      return opening;
    },
    duck() {
      duck ??= openDuck({ folder: root, temporary: paths.temporary });
      return duck;
    },
    lineage,
    record: (entry) => {
      const { kind, ...rest } = entry;
      const timed = { kind, time: new Date().toISOString(), ...rest } as LineageEntry;
      return withLock(locks, 'lineage', () => appendLineage(paths.lineage, timed));
    },
    onClose(work) {
      closing.push(work);
    },
    async close() {
      for (const work of closing.splice(0)) await work().catch(() => undefined);
      for (const opening of datasets.values()) await opening.then((dataset) => dataset.close()).catch(() => undefined);
      datasets.clear();
      (await duck)?.close();
      duck = undefined;
    },
    [Symbol.asyncDispose]: () => project.close(),
  };
  return project;
}

/** The name a data set gets in a project: the given one, else the file's. Throws `NAME_INVALID`. */
export function datasetName(given: { name?: string; path: string }): string {
  const name = given.name ?? defaultName(given.path);
  if (DatasetEntry.shape.name.safeParse(name).success) return name;
  throw new WinnowError({
    code: 'NAME_INVALID',
    message: `"${name}" can't be the name of a data set.`,
    hint: 'Use letters, digits, ".", "_" and "-".',
    exitCode: 2,
  });
}

function defaultName(path: string): string {
  const base = basename(resolve(path), extname(path))
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '');
  return base === '' ? 'data' : base;
}

/** Throws `DATASET_EXISTS` where another file has that name already. */
function requireOwnName(there: readonly DatasetEntry[], entry: DatasetEntry, replace: boolean): void {
  const other = there.find(({ name }) => name === entry.name);
  if (other === undefined || other.path === entry.path || replace) return;
  throw new WinnowError({
    code: 'DATASET_EXISTS',
    message: `The project has a data set "${entry.name}" already, from ${other.path}.`,
    where: { file: entry.path },
    hint: 'Give this one another --name, or put it in the place of the other with --replace.',
    exitCode: 2,
  });
}

/**
 * Paths given from the shell start where the shell stands; in the file they start from the project, unless they lead
 * far away.
 */
function portable(folder: string, path: string): string {
  const absolute = resolve(path);
  const inside = relative(folder, absolute);
  return inside === '' ? '.' : inside.startsWith('..') || isAbsolute(inside) ? absolute : inside;
}
