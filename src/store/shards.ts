import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Quarantined, WinnowError } from '../base/errors.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import type { ColumnBlock } from '../numeric/columns.ts';
import type { Holder, Lock } from './lock.ts';
import type { Project } from './project.ts';
import { type ColumnRecord, isSound, looksWhole, readMeta, writeParquet } from './shard-file.ts';
import type { Shard, ShardPlan } from './shard-plan.ts';
import type { WholeShard } from './shard-read.ts';
import { fileState, sealFile } from './shard-trailer.ts';

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
  await writeWhole(project, plan, shard, shardOf(plan, shard, block, quarantined));
}

/** What a signal measured of a shard, checked against what it says that it measures. Throws `SHARD_SHAPE`. */
export function shardOf(
  plan: ShardPlan,
  shard: Shard,
  block: ColumnBlock,
  quarantined: readonly Quarantined[],
): WholeShard {
  const records: ColumnRecord[] = plan.identity.columns.map((spec) => {
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
        message: `Signal "${plan.identity.signal}" gave ${length} values of column "${spec.name}" from row ${block.start}; rows ${shard.start} to ${shard.end} were asked for.`,
        hint: 'Report this as a fault of Winnow.',
      });
    }
    return { name: spec.name, kind: spec.kind, width: column.width, measures: spec.measures };
  });
  return { records, columns: Object.fromEntries(records.map(({ name }) => [name, block.columns[name]!])), quarantined };
}

/**
 * {@link writeShard} with columns as they are, whatever the signal says of them: those of the worker, or of other
 * shards.
 */
export async function writeWhole(
  project: Project,
  plan: ShardPlan,
  shard: Shard,
  { records, columns, quarantined }: WholeShard,
): Promise<void> {
  makeFolder(join(shard.path, '..'));
  await discardDamaged(project, shard);
  const rows = shard.end - shard.start;
  const ids = Array.from({ length: rows }, (_, i) => plan.dataset.ids[shard.start + i]!);
  const trailer = await plan.trailer(shard, quarantined);
  const about = { key: shard.key, columns: [...records], quarantined: [...quarantined] };
  const duck = await project.duck();
  await duck.alone((connection) =>
    writeParquet(connection, shard.path, { start: shard.start, rows, columns }, ids, about, trailer),
  );
  shard.done = true;
}

/** Deletes a file that was cut short or damaged, and says so: its rows are measured again. */
export async function discardDamaged(project: Project, { path, start, end }: Shard): Promise<void> {
  if (!existsSync(path) || isSound(path)) return;
  project.note(`${path} was cut short or damaged; its rows ${start} to ${end - 1} are measured again.`);
  await rm(path, { force: true });
}

/** Gives a finished shard of an earlier Winnow its checksum, and what its rows were measured of. */
export async function sealShard(project: Project, plan: ShardPlan, shard: Shard): Promise<void> {
  if (!looksWhole(shard.path) || fileState(shard.path) !== 'unchecked') return;
  const duck = await project.duck();
  const { quarantined } = await duck.alone((connection) => readMeta(connection, shard.path));
  await sealFile(shard.path, await plan.trailer(shard, quarantined));
}

/**
 * Whether this process computes a shard: it is `mine` under the lock, `done` (by another process since it was planned),
 * or being computed by somebody else.
 */
export type Claim = { lock: Lock } | { done: true } | { holder: Holder };

/** Claim a shard before computing it, so that of two processes only one does. */
export async function claimShard(project: Project, shard: Shard): Promise<Claim> {
  shard.done = isSound(shard.path);
  if (shard.done) return { done: true };
  const claim = await project.locks.take(`shard-${shard.key.slice(0, 32)}`);
  if ('holder' in claim) return claim;
  // It may have been finished between the look and the lock.
  shard.done = isSound(shard.path);
  if (!shard.done) return claim;
  await claim.lock.release();
  return { done: true };
}
