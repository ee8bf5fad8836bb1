import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryName } from '../../base/files/atomic.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import type { Shard } from '../../store/shards.ts';
import { runJob } from '../../worker/run-job.ts';
import { sampleLines } from '../../worker/samples.ts';
import type { ScorePlan } from '../signal.ts';
import { type Claimed, rowsOf } from './shard-locks.ts';
import { weightsOf } from './weights.ts';

/** Whether signals can share their passes: one data set, one model in one precision. */
export function jobKey({ context, params, summary }: ScorePlan): string {
  const { model, device, dtype, batch, checkpoints = [] } = params;
  return JSON.stringify([context.dataset.hash, summary.revision, model, device, dtype, batch, checkpoints]);
}

/**
 * Compute missing shards in the Python worker, each written whole under its own name. Signals that lack the same rows
 * go through the model together: a pass that several need is run once. All plans have one `jobKey`.
 */
export async function fillByWorker(missing: readonly Claimed[]): Promise<void> {
  const total = missing.reduce((rows, { shards }) => rows + rowsOf(shards), 0);
  const { context } = missing[0]!.plan;
  let done = 0;
  for (const group of together(missing)) {
    const what = `${group.map(({ plan }) => plan.signal.name).join(', ')} of ${context.dataset.name}`;
    context.progress?.(what, done, total);
    await runGroup(group, (rows) => {
      done += rows * group.length;
      context.progress?.(what, Math.floor(done), total);
    });
  }
}

/** Signals by the rows that they lack: shards that several lack are computed for all of them at once. */
function together(missing: readonly Claimed[]): Claimed[][] {
  const lacking = new Map<string, Claimed[]>();
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

async function runGroup(group: readonly Claimed[], onRows: (rows: number) => void): Promise<void> {
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
      const rows = Array.from({ length: end - start }, (_, row) => start + row);
      await writeFile(samples, await sampleLines(dataset, rows));
      const outputs = group.map(({ plan: { signal, params: own }, shards: all }) => ({
        signal: signal.name,
        path: all[i]!.path,
        key: all[i]!.key,
        measures: Object.fromEntries(signal.columns(own).map((column) => [column.name, column.measures])),
      }));
      listed.push({ start, end, ids: dataset.ids.slice(start, end), samples, outputs });
    }
    await runJob(
      {
        kind: 'signals',
        model: { path: model.folder, checkpoints: model.checkpoints },
        media_root: dataset.mediaRoot,
        device: String(params.device ?? 'auto'),
        dtype: (params.dtype ?? 'float32') as 'float32',
        batch: Number(params.batch ?? 16),
        threads: 0,
        folder,
        parts: join(project.paths.root, 'parts'),
        signals: group.map(({ plan: { signal, params: own } }) => ({ name: signal.name, params: signal.key(own) })),
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
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
