import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Quarantined, WinnowError } from '../base/errors.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import { sortKeys } from '../dataset/canonical.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { resolveMedia } from '../dataset/media/media.ts';
import type { Sample } from '../dataset/sample.ts';
import type { ColumnBlock, ColumnSpec } from '../numeric/columns.ts';
import type { Holder, Lock } from './lock.ts';
import type { Project } from './project.ts';
import { type ColumnRecord, looksWhole, writeParquet } from './shard-file.ts';

/** Everything that the numbers of a signal depend on beside the rows themselves. */
export interface SignalIdentity {
  signal: string;
  /** Raised by hand when the code's numbers change. */
  version: number;
  /** Revision of the model; '' where there is none. */
  revision: string;
  /** The options that change the numbers. */
  params: Readonly<Record<string, unknown>>;
  columns: readonly ColumnSpec[];
  /** The numbers depend on the media: their path, size and time are part of the key. @default true */
  media?: boolean;
}

/** Consecutive rows `[start, end)` and the file that their numbers belong in. */
export interface Shard {
  /** SHA-256 of all that the numbers depend on. */
  key: string;
  start: number;
  end: number;
  /** SHA-256 over the hashes of the rows. */
  rows: string;
  path: string;
  /** The file is there. */
  done: boolean;
}

export interface ShardPlan {
  identity: SignalIdentity;
  dataset: Dataset;
  shards: Shard[];
}

/**
 * Which shards a signal needs, and which of them are there. A finished shard of fewer rows at the end of the data set
 * is kept when rows have been appended: the new rows get shards of their own. A file that is cut short counts as
 * missing.
 */
export async function planShards(
  project: Project,
  dataset: Dataset,
  identity: SignalIdentity,
  options: { shardRows?: number; signal?: AbortSignal } = {},
): Promise<ShardPlan> {
  const step = options.shardRows ?? 4096;
  const folder = join(project.paths.signals, fileSafe(identity.signal));
  const prefix = `${fileSafe(identity.signal)}@${identity.version}-`;
  const endsByStart = listEnds(folder, prefix);
  const media = identity.media === false ? undefined : await mediaMarks(dataset, options.signal);
  const shard = (start: number, end: number): Shard => {
    const rows = hashRows(dataset, start, end);
    const key = createHash('sha256')
      .update(
        JSON.stringify(
          sortKeys({
            signal: identity.signal,
            version: identity.version,
            revision: identity.revision,
            params: identity.params,
            start,
            end,
            rows,
            media: media?.(start, end) ?? null,
          }),
        ),
      )
      .digest('hex');
    const path = join(folder, `${prefix}${start}-${end}-${key}.parquet`);
    return { key, start, end, rows, path, done: looksWhole(path) };
  };
  const shards: Shard[] = [];
  for (let start = 0; start < dataset.rows; ) {
    const end = Math.min(dataset.rows, (Math.floor(start / step) + 1) * step);
    const shorter = [...(endsByStart.get(start) ?? [])].filter((other) => other < end).sort((a, b) => b - a);
    const whole = shard(start, end);
    const kept = whole.done
      ? undefined
      : shorter.map((other) => shard(start, other)).find((candidate) => candidate.done);
    const next = whole.done || kept !== undefined ? undefined : finishedAfter(start, end, endsByStart, shard);
    const chosen = kept ?? (next === undefined ? whole : shard(start, next));
    shards.push(chosen);
    start = chosen.end;
  }
  return { identity, dataset, shards };
}

/**
 * Write the numbers of one shard: whole or not at all, and the same bytes for the same numbers, so that two writers do
 * no harm. `quarantined` are the rows that could not be computed.
 */
export async function writeShard(
  project: Project,
  plan: ShardPlan,
  shard: Shard,
  block: ColumnBlock,
  quarantined: readonly Quarantined[] = [],
): Promise<void> {
  const columns: ColumnRecord[] = plan.identity.columns.map((spec) => {
    const column = block.columns[spec.name];
    const length =
      column === undefined
        ? -1
        : column.kind === 'list'
          ? column.offsets.length - 1
          : column.data.length / column.width;
    if (
      column === undefined ||
      column.kind !== (spec.kind === 'f16' ? 'f32' : spec.kind) ||
      length !== shard.end - shard.start ||
      block.start !== shard.start
    ) {
      throw new WinnowError({
        code: 'SHARD_SHAPE',
        message: `signal "${plan.identity.signal}" gave ${length} values of column "${spec.name}" from row ${block.start}; rows ${shard.start} to ${shard.end} were asked for`,
        hint: 'Report this as a fault of Winnow.',
      });
    }
    return { name: spec.name, kind: spec.kind, width: column.width, measures: spec.measures };
  });
  makeFolder(join(shard.path, '..'));
  const ordered: ColumnBlock = {
    ...block,
    columns: Object.fromEntries(columns.map((column) => [column.name, block.columns[column.name]!])),
  };
  const ids = Array.from({ length: shard.end - shard.start }, (_, i) => plan.dataset.ids[shard.start + i]!);
  if (existsSync(shard.path) && !looksWhole(shard.path)) {
    project.note(
      `${shard.path} was cut short or damaged; its rows ${shard.start} to ${shard.end - 1} were measured again.`,
    );
    await rm(shard.path, { force: true });
  }
  const duck = await project.duck();
  await duck.alone((connection) =>
    writeParquet(connection, shard.path, ordered, ids, { key: shard.key, columns, quarantined: [...quarantined] }),
  );
  shard.done = true;
}

/**
 * Whether this process computes a shard: it is `mine` under the lock, `done` (by another process since it was planned),
 * or being computed by somebody else.
 */
export type Claim = { lock: Lock } | { done: true } | { holder: Holder };

/** Claim a shard before computing it, so that of two processes only one does. */
export async function claimShard(project: Project, shard: Shard): Promise<Claim> {
  shard.done = looksWhole(shard.path);
  if (shard.done) return { done: true };
  const claim = await project.locks.take(`shard-${shard.key.slice(0, 32)}`);
  if ('holder' in claim) return claim;
  // It may have been finished between the look and the lock.
  shard.done = looksWhole(shard.path);
  if (!shard.done) return claim;
  await claim.lock.release();
  return { done: true };
}

/** Signals of one shard size cover the same stretches of rows, and the rows of an open data set don't change. */
const hashed = new WeakMap<Dataset, Map<string, string>>();

/** SHA-256 over the hashes of rows `[start, end)`. */
export function hashRows(dataset: Dataset, start: number, end: number): string {
  const known = hashed.get(dataset) ?? new Map<string, string>();
  hashed.set(dataset, known);
  const stretch = `${start}-${end}`;
  const hash = known.get(stretch) ?? createHash('sha256').update(dataset.rowHashes(start, end)).digest('hex');
  known.set(stretch, hash);
  return hash;
}

/** Where the next finished shard within a stretch begins: what lies before it is all that is missing. */
function finishedAfter(
  start: number,
  end: number,
  endsByStart: ReadonlyMap<number, ReadonlySet<number>>,
  shard: (start: number, end: number) => Shard,
): number | undefined {
  const later = [...endsByStart.keys()].filter((other) => other > start && other < end).sort((a, b) => a - b);
  return later.find((other) => [...endsByStart.get(other)!].some((last) => last <= end && shard(other, last).done));
}

function listEnds(folder: string, prefix: string): Map<number, Set<number>> {
  const ends = new Map<number, Set<number>>();
  if (!existsSync(folder)) return ends;
  for (const file of readdirSync(folder)) {
    const match = file.startsWith(prefix)
      ? /^(\d+)-(\d+)-[0-9a-f]{64}\.parquet$/.exec(file.slice(prefix.length))
      : null;
    if (match === null) continue;
    const start = Number(match[1]);
    ends.set(start, (ends.get(start) ?? new Set()).add(Number(match[2])));
  }
  return ends;
}

/** Path, size and time of the media of each row, hashed; a range's mark is the hash over its rows'. */
async function mediaMarks(dataset: Dataset, signal?: AbortSignal): Promise<(start: number, end: number) => string> {
  const marks = new Uint8Array(dataset.rows * 8);
  const seen = new Map<string, string>();
  for await (const batch of dataset.batches({ size: 4096, signal })) {
    for (const [i, sample] of batch.samples.entries()) {
      if (sample === null) continue;
      const digest = createHash('sha256')
        .update(mediaText(dataset, sample, seen))
        .digest();
      marks.set(digest.subarray(0, 8), (batch.start + i) * 8);
    }
  }
  return (start, end) =>
    createHash('sha256')
      .update(marks.subarray(start * 8, end * 8))
      .digest('hex');
}

function mediaText(dataset: Dataset, sample: Sample, seen: Map<string, string>): string {
  return [...sample.media.images, ...sample.media.videos]
    .map(({ path }) => {
      let text = seen.get(path);
      if (text === undefined) {
        text = stateOf(dataset, path);
        if (path.length < 512) seen.set(path, text);
      }
      return text;
    })
    .join('\n');
}

function stateOf(dataset: Dataset, path: string): string {
  try {
    const media = resolveMedia(dataset, { path });
    if (media.kind === 'data') return createHash('sha256').update(media.bytes).digest('hex');
    const { size, mtimeMs } = statSync(media.path);
    return `${path}\0${size}\0${mtimeMs}`;
  } catch (error) {
    return `${path}\0${error instanceof WinnowError ? error.code : 'unreadable'}`;
  }
}

/** A name that every file system takes. */
function fileSafe(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, '_');
}
