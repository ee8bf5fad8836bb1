import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runJob } from '../worker/run-job.ts';
import { sampleLines } from '../worker/samples.ts';
import type { ScorePlan } from './score-plan.ts';
import { weightsOf } from './weights.ts';

/** Compute missing shards in the Python worker: one process, which writes each shard whole under its own name. */
export async function fillByWorker(plan: ScorePlan, missing: ScorePlan['shards']['shards']): Promise<void> {
  const { project, signal, params, context, summary } = plan;
  const model = await weightsOf(params, context);
  const folder = join(project.paths.temporary, `worker-${missing[0]!.key.slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  let finished = false;
  try {
    const listed = [];
    for (const shard of missing) {
      const samples = join(folder, `${shard.start}.jsonl`);
      const rows = Array.from({ length: shard.end - shard.start }, (_, i) => shard.start + i);
      await writeFile(samples, await sampleLines(context.dataset, rows));
      const measures = Object.fromEntries(signal.columns(params).map((c) => [c.name, c.measures]));
      listed.push({
        start: shard.start,
        end: shard.end,
        ids: context.dataset.ids.slice(shard.start, shard.end),
        samples,
        outputs: [{ signal: signal.name, path: shard.path, key: shard.key, measures }],
      });
    }
    const what = `${signal.name} of ${summary.dataset}`;
    let done = 0;
    context.progress?.(what, 0, summary.rowsMissing);
    await runJob(
      {
        kind: 'signals',
        model: { path: model.folder, checkpoints: model.checkpoints },
        media_root: context.dataset.mediaRoot,
        device: String(params.device ?? 'auto'),
        dtype: (params.dtype ?? 'float32') as 'float32',
        batch: Number(params.batch ?? 16),
        threads: 0,
        folder,
        signals: [{ name: signal.name, params: signal.key(params) }],
        shards: listed,
      },
      {
        ...(context.signal === undefined ? {} : { signal: context.signal }),
        onEvent: (event) => {
          if (event.t !== 'shard') return;
          done += event.rows / Math.max(1, model.checkpoints.length);
          context.progress?.(what, Math.floor(done), summary.rowsMissing);
        },
      },
    );
    finished = true;
  } finally {
    // What some checkpoints gave stays for the same command to go on from.
    if (finished || model.checkpoints.length === 0) await rm(folder, { recursive: true, force: true });
  }
}
