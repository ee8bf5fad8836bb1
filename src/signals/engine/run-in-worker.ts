import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { temporaryName } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { rowsOf, type Shard } from '../../store/shard-plan.ts';
import { readShard } from '../../store/shard-read.ts';
import { writeWhole } from '../../store/shards.ts';
import { takeOver } from '../../store/take-over.ts';
import { runJob } from '../../worker/run-job.ts';
import { sampleLines } from '../../worker/samples.ts';
import { signalRequest } from '../../worker/signal-params.ts';
import type { ScorePlan } from '../signal.ts';
import type { LockedShards } from './shard-locks.ts';
import { weightsOf } from './weights.ts';

/** Images or texts that an encoder reads at once; halved where they don't fit. */
const ENCODER_BATCH = 16;

/** Whether signals can share their passes: one data set, one model in one precision. */
export function jobKey({ context, params, summary }: ScorePlan): string {
  const { model, device, dtype, batch, checkpoints = [] } = params;
  return JSON.stringify([context.dataset.hash, summary.revision, model, device, dtype, batch, checkpoints]);
}

/**
 * Compute missing shards in the Python worker, each written whole under its own name. Signals that lack the same rows
 * go through the model together: a pass that several need is run once. All plans have one `jobKey`.
 */
export async function runInWorker(missing: readonly LockedShards[]): Promise<void> {
  const groups = together(await withoutKnown(missing));
  const { context } = missing[0]!.plan;
  const total = groups.flat().reduce((rows, { shards }) => rows + rowsOf(shards), 0);
  let done = 0;
  for (const group of groups) {
    const what = `${group.map(({ plan }) => plan.signal.name).join(', ')} of ${context.dataset.name}`;
    context.progress?.(what, done, total);
    await runGroup(group, (rows) => {
      done += rows * group.length;
      context.progress?.(what, Math.floor(done), total);
    });
  }
}

/** Writes the shards all of whose rows have equals that were measured before, and leaves the others. */
async function withoutKnown(missing: readonly LockedShards[]): Promise<LockedShards[]> {
  const left: LockedShards[] = [];
  for (const { plan, shards } of missing) {
    const unknown: Shard[] = [];
    for (const shard of shards) {
      const equal = plan.shards.equal.get(shard);
      if (equal?.count === shard.end - shard.start) {
        await writeWhole(plan.project, plan.shards, shard, await takeOver(plan.project, equal, undefined));
      } else unknown.push(shard);
    }
    if (unknown.length > 0) left.push({ plan, shards: unknown });
  }
  return left;
}

/** Signals by the rows that they lack: shards that several lack are computed for all of them at once. */
function together(missing: readonly LockedShards[]): LockedShards[][] {
  const lacking = new Map<string, LockedShards[]>();
  for (const { plan, shards } of missing)
    for (const shard of shards) {
      const place = `${shard.start}-${shard.end}`;
      lacking.set(place, [...(lacking.get(place) ?? []), { plan, shards: [shard] }]);
    }
  const groups = new Map<string, Map<ScorePlan, Shard[]>>();
  for (const those of lacking.values()) {
    const key = those.map(({ plan }) => plan.signal.name).join();
    const group = groups.get(key) ?? new Map<ScorePlan, Shard[]>();
    groups.set(key, group);
    for (const { plan, shards } of those) group.set(plan, [...(group.get(plan) ?? []), ...shards]);
  }
  return [...groups.values()].map((group) => [...group].map(([plan, shards]) => ({ plan, shards })));
}

async function runGroup(group: readonly LockedShards[], onRows: (rows: number) => void): Promise<void> {
  const { plan, shards } = group[0]!;
  const { project, params, context } = plan;
  const { dataset } = context;
  const model = await weightsOf(params, context);
  const folder = temporaryName(join(project.paths.temporary, 'worker'));
  makeFolder(folder);
  try {
    const listed = [];
    for (const [i, { start, end }] of shards.entries()) {
      const samples = join(folder, `${start}.jsonl`);
      const places = group.map(({ plan: own, shards: all }) => outputOf(own, all[i]!, folder));
      const rows = Array.from({ length: end - start }, (_, row) => start + row).filter((row) =>
        group.some(({ plan: own, shards: all }) => !isKnown(own, all[i]!, row)),
      );
      await writeFile(samples, await sampleLines(dataset, rows));
      // What single checkpoints gave is kept by this key: of some of the rows it is another thing than of all.
      const part = rows.length === end - start ? '' : createHash('sha256').update(rows.join()).digest('hex');
      const outputs = [];
      for (const [at, { plan: own, shards: all }] of group.entries()) {
        const { signal } = own;
        const prints = join(folder, `${start}-${at}.prints`);
        const { identity, fingerprints } = await own.shards.trailer(all[i]!, []);
        await writeFile(prints, Buffer.concat([identity, fingerprints]));
        const measures = Object.fromEntries(signal.columns(own.params).map((column) => [column.name, column.measures]));
        const key = `${all[i]!.key}${part.slice(0, 16)}`;
        outputs.push({ signal: signal.name, path: places[at]!, key, measures, prints });
      }
      listed.push({ start, end, ids: dataset.ids.slice(start, end), samples, outputs });
    }
    await runJob(
      {
        kind: 'signals',
        model: { path: model.folder, checkpoints: model.checkpoints },
        media_root: dataset.mediaRoot,
        device: params.device as string,
        dtype: params.dtype as 'float32',
        batch: Number(params.batch ?? ENCODER_BATCH),
        threads: 0,
        folder,
        parts: join(project.paths.root, 'parts'),
        signals: group.map(({ plan: { signal, params: own } }) => signalRequest(signal.name, own)),
        shards: listed,
      },
      {
        signal: context.signal,
        onEvent: (event) => {
          if (event.t === 'warn') project.note(event.msg);
          if (event.t === 'shard') onRows(event.rows / Math.max(1, model.checkpoints.length));
        },
      },
    );
    for (const { plan: own, shards: all } of group) for (const shard of all) await finishShard(own, shard, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** True where an equal row has been measured before. */
function isKnown({ shards }: ScorePlan, shard: Shard, row: number): boolean {
  return (shards.equal.get(shard)?.file[row - shard.start] ?? -1) >= 0;
}

/** Where the worker writes: the shard's own file, or one that the numbers of equal rows are put into. */
function outputOf({ shards, signal }: ScorePlan, shard: Shard, folder: string): string {
  return shards.equal.has(shard) ? join(folder, signal.name, basename(shard.path)) : shard.path;
}

async function finishShard(plan: ScorePlan, shard: Shard, folder: string): Promise<void> {
  const { project, shards } = plan;
  const equal = shards.equal.get(shard);
  if (equal === undefined) return;
  const now = await readShard(project, outputOf(plan, shard, folder));
  await writeWhole(project, shards, shard, await takeOver(project, equal, now));
}
