import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sortKeys } from '../dataset/canonical.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { ColumnSpec } from '../numeric/columns.ts';
import { type EqualRows, findEqualRows, sourcesOf, type WantedShard } from './equal-rows.ts';
import type { Project } from './project.ts';
import { fingerprintRows, hashMedia, mediaMarks } from './row-marks.ts';
import { isSound } from './shard-file.ts';
import { FINGERPRINT_BYTES, type Trailer } from './shard-trailer.ts';

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
  /**
   * The numbers of a row depend on that row alone, so that they stay true of an equal row of another shard. False for
   * imports and for what is trained on all rows. @default false
   */
  byRow?: boolean;
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
  /** Rows of missing shards whose equals have been measured in other shards. */
  equal: ReadonlyMap<Shard, EqualRows>;
  /** What a shard's file says beside its columns; rows that have no numbers are named. */
  trailer(shard: Shard, without: readonly { row: number }[]): Promise<Trailer>;
}

/** Rows of shards. */
export const rowsOf = (shards: readonly Pick<Shard, 'start' | 'end'>[]): number =>
  shards.reduce((rows, { start, end }) => rows + end - start, 0);

/** Rows of shards that must be measured: those that nothing equal is known of. */
export const rowsToMeasure = ({ equal }: Pick<ShardPlan, 'equal'>, shards: readonly Shard[]): number =>
  rowsOf(shards) - shards.reduce((rows, shard) => rows + (equal.get(shard)?.count ?? 0), 0);

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
  const marks = identity.media === false ? undefined : mediaMarks(dataset, options.signal);
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
            media: marks === undefined ? null : hashMedia(marks, start, end),
          }),
        ),
      )
      .digest('hex');
    const path = join(folder, `${prefix}${start}-${end}-${key}.parquet`);
    return { key, start, end, rows, path, done: isSound(path) };
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
  const own = identity.byRow === true ? hashIdentity(identity) : new Uint8Array(FINGERPRINT_BYTES);
  const prints = new Map<Shard, Uint8Array>();
  const fingerprints = async (shard: Shard): Promise<Uint8Array> => {
    const known = prints.get(shard) ?? (await fingerprintRows(dataset, shard, marks));
    prints.set(shard, known);
    return known;
  };
  return {
    identity,
    dataset,
    shards,
    equal: identity.byRow === true ? await equalRows(folder, prefix, own, shards, fingerprints) : new Map(),
    async trailer(shard, without) {
      if (identity.byRow !== true) return { identity: own, fingerprints: new Uint8Array(0) };
      const rows = (await fingerprints(shard)).slice();
      for (const { row } of without) {
        const at = (row - shard.start) * FINGERPRINT_BYTES;
        rows.fill(0, at, at + FINGERPRINT_BYTES);
      }
      return { identity: own, fingerprints: rows };
    },
  };
}

/** All that numbers depend on beside the row. */
function hashIdentity({ signal, version, revision, params, media = true, columns }: SignalIdentity): Uint8Array {
  const names = columns.map(({ name, kind }) => [name, kind]);
  const text = JSON.stringify(sortKeys({ signal, version, revision, params, media, names }));
  return createHash('sha256').update(text).digest().subarray(0, FINGERPRINT_BYTES);
}

async function equalRows(
  folder: string,
  prefix: string,
  identity: Uint8Array,
  shards: readonly Shard[],
  fingerprints: (shard: Shard) => Promise<Uint8Array>,
): Promise<Map<Shard, EqualRows>> {
  const missing = shards.filter((shard) => !shard.done);
  const sources = missing.length === 0 ? [] : sourcesOf(folder, prefix, identity);
  if (sources.length === 0) return new Map();
  const wanted: WantedShard[] = [];
  for (const shard of missing) wanted.push({ ...shard, fingerprints: await fingerprints(shard) });
  const found = findEqualRows(wanted, sources);
  return new Map(missing.flatMap((shard, i) => (found[i]!.count === 0 ? [] : [[shard, found[i]!] as const])));
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

/** A name that every file system takes. */
function fileSafe(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, '_');
}
