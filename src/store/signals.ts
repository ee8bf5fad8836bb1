import { join, relative } from 'node:path';
import { WinnowError } from '../base/errors.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { ColumnBlock } from '../numeric/columns.ts';
import { findJoined, isJoinable, joinedPath, saveJoined } from './column-cache.ts';
import type { SignalEntry } from './lineage.ts';
import type { Project } from './project.ts';
import { type ColumnRecord, looksWhole, readMeta } from './shard-file.ts';
import { hashRows, type Shard, type ShardPlan } from './shard-plan.ts';
import { type ReadOptions, type ReadPlan, readColumns, readQuarantined } from './shard-read.ts';

/** A signal that was measured for a data set, as the lineage knows it. */
export interface StoredSignal extends ReadPlan {
  entry: SignalEntry;
  command: string;
  isImported: boolean;
}

/** True where the numbers came from a file of somebody else's. */
export function isImported({ about }: Pick<SignalEntry, 'about'>): boolean {
  return about.imported !== undefined;
}

/** The command that a signal was measured or imported with. */
function commandOf({ signal, about }: SignalEntry): string {
  return typeof about.command === 'string' ? about.command : `winnow score ${signal}`;
}

/**
 * Note a finished plan in the lineage: from then on its columns are found by name. `about`: command, seconds, cost,
 * versions.
 */
export async function recordSignal(project: Project, plan: ShardPlan, about: Record<string, unknown>): Promise<void> {
  const first = plan.shards.find((shard) => shard.done);
  if (first === undefined) return;
  const duck = await project.duck();
  const meta = await duck.alone((connection) => readMeta(connection, first.path));
  const { signal, version, revision, params } = plan.identity;
  await project.record({
    kind: 'signal',
    dataset: plan.dataset.name,
    datasetHash: plan.dataset.hash,
    signal,
    version,
    revision,
    params: { ...params },
    columns: meta.columns,
    shards: plan.shards
      .filter((shard) => shard.done)
      .map(({ path, start, end, rows }) => ({ file: relative(project.paths.signals, path), start, end, rows })),
    about,
  });
  await joinShards(project, plan, meta.columns);
}

/** Put the narrow columns of many shards into one file; until all are there, they are read as they are. */
async function joinShards(project: Project, plan: ShardPlan, columns: readonly ColumnRecord[]): Promise<void> {
  const path = plan.shards.every((shard) => shard.done) ? joinedPath(project.paths, plan.shards) : undefined;
  if (path === undefined || findJoined(path) !== undefined) return;
  const narrow = columns.filter(isJoinable);
  const names = narrow.map((column) => column.name);
  const block = await readColumns(project, plan, names);
  await saveJoined(path, block, narrow, await readQuarantined(project, plan));
}

/**
 * Signals measured for this data set, each with every model and parameters it was measured with, the latest first.
 * Shards whose rows have changed since, or whose file has gone, are not `done`; rows appended since are a shard that is
 * missing.
 */
export async function storedSignals(project: Project, dataset: Dataset): Promise<StoredSignal[]> {
  const latest = new Map<string, SignalEntry>();
  for (const entry of await project.lineage()) {
    if (entry.kind !== 'signal' || entry.dataset !== dataset.name) continue;
    // Of an imported signal there is one: importing it again replaces it, whatever file it came from.
    const { signal, version, revision, params } = entry;
    const identity = JSON.stringify(isImported(entry) ? [signal] : [signal, version, revision, params]);
    latest.delete(identity);
    latest.set(identity, entry);
  }
  return [...latest.values()].reverse().map((entry) => {
    const isSame = entry.datasetHash === dataset.hash;
    const paths = entry.shards.map(({ file }) => ({ path: join(project.paths.signals, file) }));
    const joinedIn = isSame ? joinedPath(project.paths, paths) : undefined;
    const joined = joinedIn === undefined ? undefined : findJoined(joinedIn);
    const shards: Shard[] = entry.shards
      .filter(({ end }) => end <= dataset.rows)
      .map(({ file, start, end, rows }) => {
        const path = join(project.paths.signals, file);
        const key = /([0-9a-f]{64})\.parquet$/.exec(file)?.[1] ?? '';
        return {
          key,
          start,
          end,
          rows,
          path,
          done: joined !== undefined || (looksWhole(path) && (isSame || hashRows(dataset, start, end) === rows)),
        };
      });
    const covered = shards.reduce((end, shard) => Math.max(end, shard.end), 0);
    if (covered < dataset.rows)
      shards.push({ key: '', start: covered, end: dataset.rows, rows: '', path: '', done: false });
    return {
      entry,
      dataset,
      identity: { signal: entry.signal },
      shards,
      joined,
      command: commandOf(entry),
      isImported: isImported(entry),
    };
  });
}

/** A column by the name it was asked for, and the signal that holds it. */
export interface FoundColumn {
  given: string;
  stored: StoredSignal;
  column: ColumnRecord;
}

/**
 * Where columns are, whichever signals hold them; `signal.column` where two have one of the same name (else the latest
 * counts). Throws `COLUMN_MISSING` with what exists.
 */
export async function findColumns(
  project: Project,
  dataset: Dataset,
  names: readonly string[],
  options: { stored?: readonly StoredSignal[] } = {},
): Promise<FoundColumn[]> {
  const signals = options.stored ?? (await storedSignals(project, dataset));
  const all = signals.flatMap((stored) => stored.entry.columns.map((column) => ({ stored, column })));
  return names.map((given) => {
    const match = all.find(
      ({ stored, column }) => column.name === given || `${stored.entry.signal}.${column.name}` === given,
    );
    if (match !== undefined) return { given, ...match };
    throw new WinnowError({
      code: 'COLUMN_MISSING',
      message: `No signal with a column "${given}" has been measured for data set "${dataset.name}".`,
      hint:
        all.length === 0
          ? 'Measure one first: "winnow score loss".'
          : `There are ${[...new Set(all.map(({ column }) => column.name))].join(', ')}; "winnow score --help" lists what can be measured.`,
    });
  });
}

/**
 * Columns by name, as `findColumns` finds them.
 * `stored`: what `storedSignals` gave, for a caller that asks more than once.
 */
export async function columnsNamed(
  project: Project,
  dataset: Dataset,
  names: readonly string[],
  options: ReadOptions & { stored?: readonly StoredSignal[] } = {},
): Promise<ColumnBlock & { from: Record<string, SignalEntry> }> {
  const wanted = new Map<StoredSignal, FoundColumn[]>();
  const from: Record<string, SignalEntry> = {};
  for (const found of await findColumns(project, dataset, names, options)) {
    from[found.given] = found.stored.entry;
    wanted.set(found.stored, [...(wanted.get(found.stored) ?? []), found]);
  }
  const columns: ColumnBlock['columns'] = {};
  for (const [signal, list] of wanted) {
    const block = await readColumns(
      project,
      signal,
      list.map(({ column }) => column.name),
      options,
    );
    for (const { given, column } of list) columns[given] = block.columns[column.name]!;
  }
  const { start, end } = options.range ?? { start: 0, end: dataset.rows };
  return { start, rows: end - start, columns, from };
}
