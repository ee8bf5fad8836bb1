import { resolve } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { RowChanges } from '../../dataset/index/changes.ts';
import { changedSinceImport } from '../changes.ts';
import type { DatasetEntry } from '../config.ts';
import type { LineageEntry } from '../lineage.ts';
import type { Project } from '../project.ts';
import { listRuns } from '../runs.ts';
import { listSelections, readSelectionHead } from '../selections.ts';
import { storedSignals } from '../signals.ts';
import { filesBelow, sumBytes } from './disk.ts';

/** A signal as it is measured for a data set. */
export interface SignalStatus {
  signal: string;
  model: string | null;
  revision: string;
  /** The command that measures what is missing, or brings the file anew that the numbers came from. */
  command: string;
  imported: boolean;
  /** All options it was measured with. */
  params: Record<string, unknown>;
  columns: string[];
  rowsDone: number;
  rows: number;
  measured: string;
}

export interface DatasetStatus {
  name: string;
  path: string;
  format: string;
  rows: number;
  quarantined: number;
  hash: string;
  /** Its rows are not those of the last import. */
  changed: boolean;
  /** What has changed since then, where it can be known. */
  changes?: RowChanges;
  signals: SignalStatus[];
}

/** A data set that can't be opened now, and why. */
export interface UnreadableDataset {
  name: string;
  path: string;
  error: { code: string; message: string };
}

export interface SelectionStatus {
  name: string;
  dataset: string;
  method: string;
  requested: number;
  returned: number;
  seed: number;
  /** How it was put together (stages, lists, rules, cost), where it was by more than one method with a plain budget. */
  composition?: unknown;
  /** It was made from the rows that the data set has now. */
  current: boolean;
  /** Kept ids that the data set has no longer. */
  gone: number;
}

/** A training run and how far it is. */
export interface RunStatus {
  name: string;
  recipe: string;
  dataset: string;
  model: string;
  steps: number;
  /** Steps after which checkpoints are there. */
  checkpoints: number[];
  finished: boolean;
}

export interface ProjectStatus {
  folder: string;
  datasets: DatasetStatus[];
  unreadable: UnreadableDataset[];
  selections: SelectionStatus[];
  runs: RunStatus[];
  /** Bytes below `.winnow`. */
  sizes: {
    signals: number;
    selections: number;
    indexes: number;
    media: number;
    runs: number;
    other: number;
    total: number;
  };
  /** What was done, the latest last: 20 entries at most. */
  lineage: { time: string; kind: string; name: string }[];
}

/**
 * What a project holds, what is missing, what has changed. A data set that can't be opened is listed, and ends nothing.
 */
export async function projectStatus(project: Project): Promise<ProjectStatus> {
  const lineage = await project.lineage();
  const datasets: DatasetStatus[] = [];
  const unreadable: UnreadableDataset[] = [];
  for (const entry of project.config().datasets) {
    try {
      datasets.push(await datasetStatus(project, await project.dataset(entry.name), lineage));
    } catch (error) {
      unreadable.push(whyUnreadable(project, entry, error));
    }
  }
  const selections: SelectionStatus[] = [];
  for (const name of await listSelections(project)) selections.push(await selectionStatus(project, name, datasets));
  const runs = (await listRuns(project)).map(({ head, checkpoints, finished }) => ({
    name: head.name,
    recipe: head.recipe,
    dataset: head.dataset.name,
    model: head.model.name,
    steps: head.steps,
    checkpoints: checkpoints.map(({ step }) => step),
    finished,
  }));
  return {
    folder: project.folder,
    datasets,
    unreadable,
    selections,
    runs,
    sizes: await sizesOf(project),
    lineage: lineage.slice(-20).map((entry) => ({
      time: entry.time,
      kind: entry.kind,
      name: entry.kind === 'signal' ? `${entry.signal} of ${entry.dataset}` : entry.name,
    })),
  };
}

async function datasetStatus(
  project: Project,
  dataset: Dataset,
  lineage: readonly LineageEntry[],
): Promise<DatasetStatus> {
  const signals = (await storedSignals(project, dataset)).map(({ entry, shards, command, isImported }) => ({
    signal: entry.signal,
    model: typeof entry.about.model === 'string' ? entry.about.model : null,
    revision: entry.revision,
    command,
    imported: isImported,
    params: typeof entry.about.params === 'object' ? { ...entry.about.params } : entry.params,
    columns: entry.columns.map((column) => column.name),
    rowsDone: shards.reduce((sum, shard) => sum + (shard.done ? shard.end - shard.start : 0), 0),
    rows: dataset.rows,
    measured: entry.time,
  }));
  const { name, path, format, rows, hash, quarantined } = dataset;
  const change = changedSinceImport(project.paths, lineage, dataset);
  const changes = change?.rows === undefined ? {} : { changes: change.rows };
  const changed = change !== undefined;
  return { name, path, format, rows, quarantined: quarantined.length, hash, changed, ...changes, signals };
}

function whyUnreadable(project: Project, entry: DatasetEntry, error: unknown): UnreadableDataset {
  const { message } = error as Error;
  const code = error instanceof WinnowError ? error.code : ((error as NodeJS.ErrnoException).code ?? 'INTERNAL');
  return { name: entry.name, path: resolve(project.folder, entry.path), error: { code, message } };
}

async function selectionStatus(
  project: Project,
  name: string,
  datasets: readonly DatasetStatus[],
): Promise<SelectionStatus> {
  const { dataset, method, requested, returned, seed, ids, lineage } = await readSelectionHead(project, name);
  const now = datasets.find((one) => one.name === dataset.name);
  const current = now?.hash === dataset.hash;
  const opened = now === undefined || current ? undefined : await project.dataset(dataset.name);
  const gone = opened === undefined ? 0 : ids.filter((id) => opened.rowOf(id) < 0).length;
  const composed = lineage.composition === undefined ? {} : { composition: lineage.composition };
  return { name, dataset: dataset.name, method, requested, returned, seed, ...composed, current, gone };
}

async function sizesOf(project: Project): Promise<ProjectStatus['sizes']> {
  const files = await filesBelow(project.paths.root);
  const below = (folder: string): number => sumBytes(files.filter(({ path }) => path.startsWith(`${folder}/`)));
  const known = {
    signals: below('signals'),
    selections: below('selections'),
    indexes: below('indexes'),
    media: below('media'),
    runs: below('runs'),
  };
  const total = sumBytes(files);
  return { ...known, other: total - Object.values(known).reduce((sum, bytes) => sum + bytes, 0), total };
}
