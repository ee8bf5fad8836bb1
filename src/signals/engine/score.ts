import { optionFlags } from '../../base/cli-flags.ts';
import type { Quarantined } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Project } from '../../store/project.ts';
import { rowsToMeasure, type Shard } from '../../store/shard-plan.ts';
import { readQuarantined, type WholeShard } from '../../store/shard-read.ts';
import { sealShard, shardOf, writeWhole } from '../../store/shards.ts';
import { recordSignal } from '../../store/signals.ts';
import { takeOver } from '../../store/take-over.ts';
import type { Fit } from '../fit/measure.ts';
import type { ScorePlan, ScoreSummary, Signal, SignalRun } from '../signal.ts';
import { IMAGES_AS_READ } from './images.ts';
import { lockedShards, missingShards } from './shard-locks.ts';

export interface ScoreResult extends ScoreSummary {
  /** Rows that were measured now. */
  rowsComputed: number;
  /** What the clock said; signals that were measured in the same passes have the same seconds. */
  seconds: number;
  /** Other signals that were measured in the same passes. */
  sharedWith: string[];
  /** Rows of the data set that have no numbers, with the reason. */
  quarantined: Quarantined[];
  /** Whether the model fits the data, where its losses are measured. */
  fit?: Fit;
}

/**
 * Compute what a plan lacks, shard by shard; each is written whole, so that an interrupted run goes on where it was.
 */
export async function runScore(plan: ScorePlan): Promise<ScoreResult> {
  return (await runScores([plan]))[0]!;
}

/**
 * Several signals of one project. Those that the worker measures with one model go through it together, in the place of
 * the first of them.
 */
export async function runScores(plans: readonly ScorePlan[]): Promise<ScoreResult[]> {
  const results = new Map<ScorePlan, ScoreResult>();
  const keys = await Promise.all(plans.map(sharedKey));
  for (const [at, plan] of plans.entries()) {
    if (results.has(plan)) continue;
    const key = keys[at];
    const group = key === undefined ? [plan] : plans.filter((other, i) => keys[i] === key && !results.has(other));
    const began = new Date();
    const started = performance.now();
    for (const one of group) await sealUnchecked(one);
    const computed = key === undefined ? [await computeAlone(plan)] : await computeInWorker(group);
    const clock = { began: began.toISOString(), seconds: (performance.now() - started) / 1000 };
    for (const [i, one] of group.entries()) {
      const sharedWith = group.flatMap((other) => (other === one ? [] : [other.signal.name]));
      results.set(one, await finish(one, computed[i]!, clock, sharedWith));
    }
  }
  return plans.map((plan) => results.get(plan)!);
}

/** Shards of an earlier Winnow get their checksums. */
async function sealUnchecked({ project, shards }: ScorePlan): Promise<void> {
  for (const shard of shards.shards) if (shard.done) await sealShard(project, shards, shard);
}

/** Plans of one key go through the worker together; undefined: computed here, by a server, or by a job of its own. */
export async function sharedKey(plan: ScorePlan): Promise<string | undefined> {
  const { signal, params, context } = plan;
  if (signal.computeMissing !== undefined) return undefined;
  const isWorkers = signal.open === undefined || (await signal.chosen?.(params, context)) === 'worker';
  return isWorkers ? (await import('./run-in-worker.ts')).jobKey(plan) : undefined;
}

async function finish(
  plan: ScorePlan,
  rowsComputed: number,
  clock: { began: string; seconds: number },
  sharedWith: string[],
): Promise<ScoreResult> {
  const { project, signal, params, shards, context, summary } = plan;
  if (rowsComputed > 0 || !(await isRecorded(project, plan))) {
    await recordSignal(project, shards, {
      command: scoreCommand(signal, params),
      model: summary.model,
      params,
      ...clock,
      rowsComputed,
      rowsReused: summary.rowsReused,
      cost: signal.cost(params),
      images: signal.readsMedia === false || params.server !== undefined ? undefined : IMAGES_AS_READ,
      peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
      ...(await signal.summarise?.(params, context, shards)),
    });
  }
  return {
    ...summary,
    rowsComputed,
    seconds: clock.seconds,
    sharedWith,
    quarantined: [...context.dataset.quarantined, ...(await readQuarantined(project, shards))].sort(
      (a, b) => a.row - b.row,
    ),
    fit: await fitOfPlan(plan),
  };
}

/** The judgement on the model whose losses a plan measures. */
async function fitOfPlan({ project, signal, params, context }: ScorePlan): Promise<Fit | undefined> {
  if (signal.summarise === undefined) return undefined;
  const { fitOf } = await import('../fit/read.ts');
  const blind = (params.blind as string[] | undefined)?.[0];
  return fitOf(project, context.dataset, { blind });
}

/** The command that measures with these options; those that are the defaults are left out. */
function scoreCommand({ name, params: schema }: Signal, params: Record<string, unknown>): string {
  const usual = schema.safeParse({}).data as Record<string, unknown> | undefined;
  const own = Object.entries(params).filter(([key, value]) => JSON.stringify(usual?.[key]) !== JSON.stringify(value));
  return `winnow score ${name}${optionFlags(Object.fromEntries(own))}`;
}

/** Computes the missing shards of a plan alone. Returns the rows that were measured here. */
async function computeAlone(plan: ScorePlan): Promise<number> {
  const { signal, params, context } = plan;
  if (signal.computeMissing !== undefined) return computeByOwnJob(plan, signal.computeMissing);
  return signal.open === undefined ? 0 : computeHere(plan, () => signal.open!(params, context));
}

/** In this process, shard by shard. */
async function computeHere(plan: ScorePlan, open: () => Promise<SignalRun>): Promise<number> {
  const { signal, context, summary, shards } = plan;
  const total = summary.rowsMissing;
  const what = `${signal.name} of ${summary.dataset}`;
  const onProgress = (done: number): void => context.progress?.(what, done, total);
  if (total > 0) onProgress(0);
  let run: SignalRun | undefined;
  let computed = 0;
  try {
    for await (const [locked] of lockedShards([plan], 1)) {
      const shard = locked!.shards[0]!;
      const before = total - rowsToMeasure(shards, missingShards(plan));
      const rows = rowsToMeasure(shards, [shard]);
      if (rows > 0) run ??= await open();
      await computeShard(plan, run, shard, (done) => onProgress(before + Math.min(done, rows)));
      computed += rows;
      onProgress(before + rows);
    }
    return computed;
  } finally {
    await run?.close();
  }
}

/**
 * Missing shards of several plans go to the Python worker together. Returns the rows that were measured here, by plan.
 */
async function computeInWorker(plans: readonly ScorePlan[]): Promise<number[]> {
  const { runInWorker } = await import('./run-in-worker.ts');
  const computed = plans.map(() => 0);
  for await (const locked of lockedShards(plans, Number.POSITIVE_INFINITY)) {
    await runInWorker(locked);
    for (const { plan, shards } of locked) computed[plans.indexOf(plan)]! += rowsToMeasure(plan.shards, shards);
  }
  return computed;
}

/** A job of the signal's own. */
async function computeByOwnJob(plan: ScorePlan, compute: NonNullable<Signal['computeMissing']>): Promise<number> {
  let computed = 0;
  for await (const [locked] of lockedShards([plan], Number.POSITIVE_INFINITY)) {
    await compute(plan.params, plan.context, locked!.shards);
    computed += rowsToMeasure(plan.shards, locked!.shards);
  }
  return computed;
}

/** Measures the rows of a shard that no equal row was measured of before; `run` is undefined where there are none. */
async function computeShard(
  { project, shards, context }: ScorePlan,
  run: SignalRun | undefined,
  shard: Shard,
  onRows: (rows: number) => void,
): Promise<void> {
  const equal = shards.equal.get(shard);
  let now: WholeShard | undefined;
  if (run !== undefined && equal?.count !== shard.end - shard.start) {
    const samples = await samplesOf(context.dataset, shard);
    const asked = equal === undefined ? samples : samples.map((sample, i) => (equal.file[i]! < 0 ? sample : null));
    const { columns, quarantined } = await run.compute({ start: shard.start, samples: asked }, onRows);
    now = shardOf(shards, shard, { start: shard.start, rows: samples.length, columns }, quarantined);
  }
  await writeWhole(project, shards, shard, equal === undefined ? now! : await takeOver(project, equal, now));
}

function samplesOf(dataset: Dataset, { start, end }: Shard): ReturnType<Dataset['get']> {
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
