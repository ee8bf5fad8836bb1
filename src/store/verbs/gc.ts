import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { temporaryName } from '../../base/files/atomic.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { remoteMedia } from '../../dataset/media/media-cache.ts';
import { lastImport } from '../changes.ts';
import type { EventEntry, SignalEntry } from '../lineage.ts';
import type { Project } from '../project.ts';
import { listSelections, readSelectionHead, type SelectionHead } from '../selections.ts';
import { storedSignals } from '../signals.ts';
import { type FileOnDisk, filesBelow, sumBytes } from './disk.ts';

/** Letters of a data set's hash that names of the arena's files begin with. */
export const ARENA_PREFIX = 16;

export interface GcRequest {
  /** Say what would be removed, remove nothing. @default false */
  dryRun?: boolean | undefined;
  /** Also remove shards that no finished run has noted: an interrupted run would go on from them. @default false */
  unfinished?: boolean | undefined;
}

export interface Garbage extends FileOnDisk {
  kind: 'shard' | 'index' | 'selection' | 'media' | 'choice' | 'picture';
  because: string;
}

export interface GcResult {
  removed: boolean;
  garbage: Garbage[];
  bytes: number;
  /** Shards of unfinished runs, which stay. */
  unfinished: { files: number; bytes: number };
  /** Data sets that can't be opened now: whatever belongs to them stays. */
  unreadable: string[];
}

/**
 * Remove what nothing refers to: shards of rows that are no longer like that, indexes of files that were changed,
 * halves of selections, fetched media that no row names, pictures that no report shows. What a data set has now and
 * what any selection was made from stays. (What killed processes leave behind is removed whenever a project is opened.)
 */
export async function collectGarbage(project: Project, request: GcRequest = {}): Promise<GcResult> {
  const datasets = new Map<string, Dataset>();
  const unreadable: string[] = [];
  for (const { name } of project.config().datasets) {
    try {
      datasets.set(name, await project.dataset(name));
    } catch {
      unreadable.push(name);
    }
  }
  const heads: SelectionHead[] = [];
  for (const name of await listSelections(project)) heads.push(await readSelectionHead(project, name));
  const shards = await sortShards(project, datasets, unreadable, heads);
  const indexes = new Set([...datasets.values()].flatMap(({ cacheFiles }) => cacheFiles.map((file) => basename(file))));
  // By the index of its import it is told which rows of a data set were edited.
  for (const { name } of project.config().datasets) {
    const { index } = lastImport(await project.lineage(), name) ?? {};
    if (index !== undefined) indexes.add(index);
  }
  for (const dataset of datasets.values()) {
    for (const { joined } of await storedSignals(project, dataset)) if (joined) indexes.add(basename(joined.path));
  }
  const reasons = new Set(heads.map((head) => head.reasons.file));
  // Another process is measuring just now: what it has finished is noted only at its end.
  const isMeasuring = (await filesBelow(project.paths.locks)).some(({ path }) => path.startsWith('shard-'));
  const named = unreadable.length === 0 ? await namedMedia(project, [...datasets.values()]) : undefined;
  const hashes = new Set([...datasets.values()].map(({ hash }) => hash.slice(0, ARENA_PREFIX)));
  const foundMedia = new Set(
    project.config().datasets.flatMap((entry) => entry.foundMedia && resolve(project.folder, entry.foundMedia)),
  );
  const shown = await shownPictures(project);
  const garbage: Garbage[] = [];
  const unfinished: FileOnDisk[] = [];
  for (const file of await filesBelow(project.paths.root)) {
    const [room, ...rest] = file.path.split('/');
    const inside = rest.join('/');
    if (room === 'signals' && inside.endsWith('.parquet')) {
      if (shards.needed.has(inside)) continue;
      if (shards.noted.has(inside))
        garbage.push({ ...file, kind: 'shard', because: 'rows that have changed or are gone' });
      else if (request.unfinished === true && !isMeasuring)
        garbage.push({ ...file, kind: 'shard', because: 'of a run that was not finished' });
      else unfinished.push(file);
    } else if (
      room === 'indexes' &&
      /\.(index|unpacked|rows|columns)$/.test(rest[0] ?? '') &&
      unreadable.length === 0
    ) {
      if (!indexes.has(rest[0]!))
        garbage.push({ ...file, kind: 'index', because: 'of a file that has changed or is gone' });
    } else if (room === 'arena' && unreadable.length === 0) {
      // Named by the data set whose rows were chosen from or examined.
      if (!hashes.has(inside.slice(0, ARENA_PREFIX)))
        garbage.push({ ...file, kind: 'choice', because: 'of rows that have changed or are gone' });
    } else if (room === 'pictures' && !shown.has(inside)) {
      garbage.push({ ...file, kind: 'picture', because: 'no report that is there shows it' });
    } else if (room === 'found-media' && !foundMedia.has(resolve(project.paths.root, file.path))) {
      garbage.push({ ...file, kind: 'media', because: 'where media were found for a data set that is gone' });
    } else if (room === 'selections' && inside.endsWith('.parquet') && !reasons.has(inside))
      garbage.push({ ...file, kind: 'selection', because: 'no selection refers to it' });
    else if (room === 'media' && /^[0-9a-f]{64}\.\w+$/.test(inside) && named?.has(inside) === false)
      garbage.push({ ...file, kind: 'media', because: 'fetched for a URL that no data set names any more' });
  }
  if (request.dryRun !== true) await removeAll(project.paths.root, garbage);
  return {
    removed: request.dryRun !== true,
    garbage,
    bytes: sumBytes(garbage),
    unfinished: { files: unfinished.length, bytes: sumBytes(unfinished) },
    unreadable,
  };
}

/** Names of the kept pictures to which the reports link that are still there. */
async function shownPictures(project: Project): Promise<Set<string>> {
  const shown = new Set<string>();
  if (!existsSync(project.paths.pictures)) return shown;
  const reports = (await project.lineage()).filter(({ kind }) => kind === 'report') as EventEntry[];
  for (const page of new Set(reports.map(({ name }) => resolve(project.folder, name)))) {
    const text = await readFile(page, 'utf8').catch(() => '');
    for (const [name] of text.matchAll(/\b[0-9a-f]{32}\.\w+/g)) shown.add(name);
  }
  return shown;
}

/** Files of fetched media that rows name. Nothing is read where nothing was fetched. */
async function namedMedia(project: Project, datasets: readonly Dataset[]): Promise<Set<string>> {
  const named = new Set<string>();
  if (!existsSync(project.paths.media)) return named;
  for (const dataset of datasets)
    for (const url of await remoteMedia(dataset)) {
      const name = project.media.fileOf(url);
      if (name !== undefined) named.add(name);
    }
  return named;
}

/** Shards that are noted in the lineage, and those of them that are needed; both from the folder of the signals. */
async function sortShards(
  project: Project,
  datasets: ReadonlyMap<string, Dataset>,
  unreadable: readonly string[],
  heads: readonly SelectionHead[],
): Promise<{ noted: Set<string>; needed: Set<string> }> {
  const noted = new Set<string>();
  const needed = new Set<string>();
  for (const dataset of datasets.values()) {
    const measuredLater = new Set<string>();
    for (const { shards, entry } of await storedSignals(project, dataset)) {
      for (const { path, done } of shards) if (done) needed.add(path.slice(project.paths.signals.length + 1));
      // Until changed rows are measured, what was measured of rows that equal them is taken from these.
      const measured = JSON.stringify([entry.signal, entry.params]);
      if (!measuredLater.has(measured) && shards.some(({ done }) => !done))
        for (const { file } of entry.shards) needed.add(file);
      measuredLater.add(measured);
    }
  }
  for (const entry of await project.lineage()) {
    if (entry.kind !== 'signal') continue;
    const isNeeded = unreadable.includes(entry.dataset) || heads.some((head) => isMadeFrom(head, entry));
    for (const { file } of entry.shards) {
      noted.add(file);
      if (isNeeded) needed.add(file);
    }
  }
  return { noted, needed };
}

/** True where the selection was computed from this measurement. */
function isMadeFrom(head: SelectionHead, entry: SignalEntry): boolean {
  if (head.dataset.name !== entry.dataset || head.dataset.hash !== entry.datasetHash) return false;
  const { columns } = head.lineage;
  if (typeof columns !== 'object' || columns === null) return true;
  const key = (one: Partial<SignalEntry>): string =>
    JSON.stringify([one.signal, one.version, one.revision, one.params]);
  return Object.values(columns as Record<string, Partial<SignalEntry>>).some((one) => key(one) === key(entry));
}

/** A folder of an unpacked data set goes whole: half of one would be taken for all of it. */
async function removeAll(root: string, garbage: readonly Garbage[]): Promise<void> {
  const folders = new Set(garbage.flatMap(({ path }) => /^indexes\/[^/]+\.rows(?=\/)/.exec(path)?.[0] ?? []));
  for (const folder of folders) {
    const doomed = temporaryName(join(root, folder));
    await rename(join(root, folder), doomed);
    await rm(doomed, { recursive: true, force: true });
  }
  for (const { path } of garbage) await rm(join(root, path), { force: true });
}
