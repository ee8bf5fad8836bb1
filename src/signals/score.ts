import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset } from '../dataset/dataset.ts';
import type { Quarantined } from '../dataset/errors.ts';
import { describeHolder, type Holder } from '../store/lock.ts';
import type { Project } from '../store/project.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { claimShard, type Shard, writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import type { ScorePlan, ScoreSummary, Signal, SignalRun } from './signal.ts';

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
  return (await runScores([plan]))[0]!;
}

/** Several signals of one project. Those that the worker measures with one model go through it together, in the place of the first of them. */
export async function runScores(plans: readonly ScorePlan[]): Promise<ScoreResult[]> {
  const results = new Map<ScorePlan, ScoreResult>();
  const keys = await Promise.all(plans.map(sharedKey));
  for (const [at, plan] of plans.entries()) {
    if (results.has(plan)) continue;
    const key = keys[at];
    const group = key === undefined ? [plan] : plans.filter((other, i) => keys[i] === key && !results.has(other));
    const began = performance.now();
    const computed = key === undefined ? [await fill(plan, lacking(plan))] : await fillInWorker(group);
    const seconds = (performance.now() - began) / 1000;
    for (const [i, one] of group.entries()) results.set(one, await finish(one, computed[i]!, seconds));
  }
  return plans.map((plan) => results.get(plan)!);
}

/** Plans of one key go through the worker together; undefined: computed here, by a server, or by a job of its own. */
async function sharedKey(plan: ScorePlan): Promise<string | undefined> {
  const { signal, params, context } = plan;
  if (signal.fill !== undefined) return undefined;
  const isWorkers = signal.open === undefined || (await signal.chosen?.(params, context)) === 'worker';
  return isWorkers ? (await import('./by-worker.ts')).jobKey(plan) : undefined;
}

const lacking = ({ shards }: ScorePlan): Shard[] => shards.shards.filter((shard) => !shard.done);

async function finish(plan: ScorePlan, rowsComputed: number, seconds: number): Promise<ScoreResult> {
  const { project, signal, params, shards, context, summary } = plan;
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
  if (signal.fill !== undefined) return fillByOwnJob(plan, signal.fill);
  if (open === undefined || missing.length === 0) return 0;
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

/** Missing shards of several plans go to the Python worker together. Returns the rows that were computed here, by plan. */
async function fillInWorker(plans: readonly ScorePlan[]): Promise<number[]> {
  const { fillByWorker } = await import('./by-worker.ts');
  return claiming(plans, (missing) => fillByWorker(missing));
}

/** A job of the signal's own. */
async function fillByOwnJob(plan: ScorePlan, run: NonNullable<Signal['fill']>): Promise<number> {
  const computed = await claiming([plan], ([missing]) => run(plan.params, plan.context, missing!.shards));
  return computed[0]!;
}

/** Claim missing shards and compute them, until none is left: those of other processes are waited for, in case that process dies. */
async function claiming(
  plans: readonly ScorePlan[],
  compute: (missing: { plan: ScorePlan; shards: Shard[] }[]) => Promise<void>,
): Promise<number[]> {
  const computed = plans.map(() => 0);
  for (;;) {
    const locks: AsyncDisposable[] = [];
    let holder: Holder | undefined;
    try {
      const missing = [];
      for (const plan of plans) {
        const shards: Shard[] = [];
        for (const shard of lacking(plan)) {
          const claim = await claimShard(plan.project, shard);
          if ('holder' in claim) holder = claim.holder;
          if (!('lock' in claim)) continue;
          locks.push(claim.lock);
          shards.push(shard);
        }
        if (shards.length > 0) missing.push({ plan, shards });
      }
      if (missing.length > 0) await compute(missing);
      for (const { plan, shards } of missing) {
        for (const shard of shards) shard.done = true;
        computed[plans.indexOf(plan)]! += shards.reduce((rows, { start, end }) => rows + end - start, 0);
      }
      if (holder === undefined) return computed;
      if (missing.length > 0) continue;
    } finally {
      for (const lock of locks) await lock[Symbol.asyncDispose]();
    }
    const { context, summary } = plans[0]!;
    const what = `${summary.signal} of ${summary.dataset}`;
    context.progress?.(
      `${what}: waiting for ${describeHolder(holder)}, which computes the rest`,
      0,
      summary.rowsMissing,
    );
    await sleep(LOOK_AGAIN_MS, undefined, context.signal === undefined ? {} : { signal: context.signal });
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
