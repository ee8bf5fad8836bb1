import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import type { Dataset } from '../dataset/dataset.ts';
import { WinnowError } from '../dataset/errors.ts';
import { resolveMedia } from '../dataset/media.ts';
import type { Sample } from '../dataset/sample.ts';
import { runJob } from '../worker/run-job.ts';
import type { ScorePlan } from './score-plan.ts';

/** Compute missing shards in the Python worker: one process, which writes each shard whole under its own name. */
export async function fillByWorker(plan: ScorePlan, missing: ScorePlan['shards']['shards']): Promise<void> {
  const { project, signal, params, shards, context, summary } = plan;
  const { resolveWeights } = await import('../models/source.ts');
  const model = await resolveWeights(String(params.model), context);
  const folder = join(project.paths.temporary, `worker-${missing[0]!.key.slice(0, 16)}`);
  await mkdir(folder, { recursive: true });
  try {
    const listed = [];
    for (const shard of missing) {
      const samples = join(folder, `${shard.start}.jsonl`);
      await writeFile(samples, await sampleLines(context.dataset, shard.start, shard.end));
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
        model: { path: model.folder, checkpoints: [] },
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
          done += event.rows;
          context.progress?.(what, done, summary.rowsMissing);
        },
      },
    );
    for (const shard of shards.shards) if (missing.includes(shard)) shard.done = true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sampleLines(dataset: Dataset, start: number, end: number): Promise<string> {
  const rows = Array.from({ length: end - start }, (_, i) => start + i);
  const samples = await dataset.get(rows);
  return samples
    .flatMap((sample, i) => (sample === null ? [] : [`${JSON.stringify(workerSample(dataset, start + i, sample))}\n`]))
    .join('');
}

/** A sample as the worker reads it, or with the reason why it can't. */
function workerSample(dataset: Dataset, row: number, sample: Sample): Record<string, unknown> {
  const messages = sample.messages.map(({ role, parts }) => ({ role, content: parts }));
  const base = { row, id: sample.id, messages };
  try {
    if (sample.media.videos.length > 0) {
      throw new WinnowError({ code: 'VIDEO_UNSUPPORTED', message: 'the sample has a video, which is not measured' });
    }
    const images = sample.media.images.map((ref) => {
      const media = resolveMedia(dataset, ref);
      return media.kind === 'file'
        ? pathInRoot(dataset, media.path)
        : `data:${media.mime};base64,${media.bytes.toString('base64')}`;
    });
    return { ...base, images };
  } catch (error) {
    if (!(error instanceof WinnowError)) throw error;
    return { ...base, images: [], error: { code: error.code, reason: error.message } };
  }
}

/** Paths inside the media root are written from there, so that shards do not depend on where the project lies. */
function pathInRoot(dataset: Dataset, path: string): string {
  const inside = relative(dataset.mediaRoot, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}
