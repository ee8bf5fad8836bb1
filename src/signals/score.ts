import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset } from '../dataset/dataset.ts';
import type { Quarantined } from '../dataset/errors.ts';
import { describeHolder, type Holder } from '../store/lock.ts';
import type { Project } from '../store/project.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { claimShard, type Shard, writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import type { ScorePlan, ScoreSummary } from './score-plan.ts';
import type { SignalRun } from './signal.ts';

/** How often to look whether another process has finished its shards, in ms. */
const LOOK_AGAIN_MS = 250;

export interface ScoreResult extends ScoreSummary {
  /** Rows of the shards that were computed now. */
  rowsComputed: number;
  seconds: number;
  /** Rows of the data set that have no numbers, with the reason. */
  quarantined: Quarantined[];
}

/** Compute what a plan lacks, shard by shard; each is written whole, so that an interrupted run goes on where it was. */
export async function runScore(plan: ScorePlan): Promise<ScoreResult> {
  const { project, signal, params, shards, context, summary } = plan;
  const began = performance.now();
  const missing = shards.shards.filter((shard) => !shard.done);
  const rowsComputed = missing.length > 0 ? await fill(plan, missing) : 0;
  const seconds = (performance.now() - began) / 1000;
  if (rowsComputed > 0 || !(await isRecorded(project, plan))) {
    await recordSignal(project, shards, {
      model: summary.model,
      params,
      seconds,
      rowsComputed,
      cost: signal.cost(params),
      peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
    });
  }
  return {
    ...summary,
    rowsComputed,
    seconds,
    quarantined: [...context.dataset.quarantined, ...(await readQuarantined(project, shards))].sort(
      (a, b) => a.row - b.row,
    ),
  };
}

/**
 * Compute missing shards, each under a claim: what another process is computing is left to it, and looked after in the end, in case that process dies.
 *
 * @returns rows that were computed here
 */
async function fill(plan: ScorePlan, missing: readonly Shard[]): Promise<number> {
  const { project, signal, params, context, summary } = plan;
  const { open } = signal;
  if (open === undefined || (await signal.chosen?.(params, context)) === 'worker') return fillInWorker(plan, missing);
  const total = summary.rowsMissing;
  let done = 0;
  let computed = 0;
  const what = `${signal.name} of ${summary.dataset}`;
  context.progress?.(what, done, total);
  let run: SignalRun | undefined;
  try {
    for (let left = missing; left.length > 0; ) {
      const taken: Shard[] = [];
      let holder: Holder | undefined;
      for (const shard of left) {
        context.signal?.throwIfAborted();
        const claim = await claimShard(project, shard);
        if ('holder' in claim) {
          holder = claim.holder;
          taken.push(shard);
          continue;
        }
        if ('lock' in claim) {
          await using _ = claim.lock;
          run ??= await open(params, context);
          await computeShard(plan, run, shard, (rows) => context.progress?.(what, done + rows, total));
          computed += shard.end - shard.start;
        }
        done += shard.end - shard.start;
        context.progress?.(what, done, total);
      }
      if (holder !== undefined && taken.length === left.length) {
        context.progress?.(`${what}: waiting for ${describeHolder(holder)}, which computes the rest`, done, total);
        await sleep(LOOK_AGAIN_MS, undefined, context.signal === undefined ? {} : { signal: context.signal });
      }
      left = taken;
    }
  } finally {
    await run?.close();
  }
  return computed;
}

/** Shards that no other process is at go to the Python worker together. */
async function fillInWorker(plan: ScorePlan, missing: readonly Shard[]): Promise<number> {
  const { signal, params, context } = plan;
  const { fillByWorker } = await import('./by-worker.ts');
  const locks: AsyncDisposable[] = [];
  try {
    const mine: Shard[] = [];
    for (const shard of missing) {
      const claim = await claimShard(plan.project, shard);
      if (!('lock' in claim)) continue;
      locks.push(claim.lock);
      mine.push(shard);
    }
    if (mine.length > 0) {
      if (signal.fill === undefined) await fillByWorker(plan, mine);
      else await signal.fill(params, context, mine);
      for (const shard of mine) shard.done = true;
    }
    return mine.reduce((rows, shard) => rows + shard.end - shard.start, 0);
  } finally {
    for (const lock of locks) await lock[Symbol.asyncDispose]();
  }
}

async function computeShard(
  { project, shards, context }: ScorePlan,
  run: SignalRun,
  shard: Shard,
  tell: (rows: number) => void,
): Promise<void> {
  const samples = await wholeShard(context.dataset, shard.start, shard.end);
  const block = await run.compute({ start: shard.start, samples }, tell);
  const rows = shard.end - shard.start;
  await writeShard(project, shards, shard, { start: shard.start, rows, columns: block.columns }, block.quarantined);
}

async function wholeShard(dataset: Dataset, start: number, end: number): ReturnType<Dataset['get']> {
  return dataset.get(Array.from({ length: end - start }, (_, i) => start + i));
}

/** True when the newest lineage entry of this signal names exactly these shards: then nothing new is to be noted. */
async function isRecorded(project: Project, { shards, summary }: ScorePlan): Promise<boolean> {
  const entries = (await project.lineage()).filter(
    (entry) => entry.kind === 'signal' && entry.dataset === summary.dataset && entry.signal === summary.signal,
  );
  const latest = entries.at(-1);
  if (latest?.kind !== 'signal') return false;
  const names = latest.shards.map((shard) => shard.file).join('\n');
  return shards.shards.every((shard) => names.includes(shard.key)) && latest.shards.length === shards.shards.length;
}
