import { optionFlags } from '../../base/cli-flags.ts';
import type { Quarantined } from '../../base/errors.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Project } from '../../store/project.ts';
import { readQuarantined } from '../../store/shard-read.ts';
import { type Shard, writeShard } from '../../store/shards.ts';
import { recordSignal } from '../../store/signals.ts';
import type { Fit } from '../fit/measure.ts';
import type { ScorePlan, ScoreSummary, Signal, SignalRun } from '../signal.ts';
import { lacking, rowsOf, underClaims } from './shard-locks.ts';

export interface ScoreResult extends ScoreSummary {
  /** Rows of the shards that were computed now. */
  rowsComputed: number;
  seconds: number;
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
    const began = performance.now();
    const computed = key === undefined ? [await fill(plan)] : await fillInWorker(group);
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
  return isWorkers ? (await import('./run-in-worker.ts')).jobKey(plan) : undefined;
}

async function finish(plan: ScorePlan, rowsComputed: number, seconds: number): Promise<ScoreResult> {
  const { project, signal, params, shards, context, summary } = plan;
  if (rowsComputed > 0 || !(await isRecorded(project, plan))) {
    await recordSignal(project, shards, {
      command: scoreCommand(signal, params),
      model: summary.model,
      params,
      seconds,
      rowsComputed,
      cost: signal.cost(params),
      peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
      ...(await signal.summarise?.(params, context, shards)),
    });
  }
  return {
    ...summary,
    rowsComputed,
    seconds,
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

/** Computes the missing shards of a plan alone. Returns the rows that were computed here. */
async function fill(plan: ScorePlan): Promise<number> {
  const { signal, params, context } = plan;
  if (signal.fill !== undefined) return fillByOwnJob(plan, signal.fill);
  return signal.open === undefined ? 0 : fillHere(plan, () => signal.open!(params, context));
}

/** In this process, shard by shard. */
async function fillHere(plan: ScorePlan, open: () => Promise<SignalRun>): Promise<number> {
  const { signal, context, summary } = plan;
  const total = summary.rowsMissing;
  const what = `${signal.name} of ${summary.dataset}`;
  const tell = (done: number): void => context.progress?.(what, done, total);
  if (total > 0) tell(0);
  let run: SignalRun | undefined;
  try {
    const [computed] = await underClaims([plan], 1, async ([claimed]) => {
      const shard = claimed!.shards[0]!;
      const before = total - rowsOf(lacking(plan));
      run ??= await open();
      await computeShard(plan, run, shard, (rows) => tell(before + rows));
      tell(before + rowsOf([shard]));
    });
    return computed!;
  } finally {
    await run?.close();
  }
}

/**
 * Missing shards of several plans go to the Python worker together. Returns the rows that were computed here, by plan.
 */
async function fillInWorker(plans: readonly ScorePlan[]): Promise<number[]> {
  const { fillByWorker } = await import('./run-in-worker.ts');
  return underClaims(plans, Number.POSITIVE_INFINITY, fillByWorker);
}

/** A job of the signal's own. */
async function fillByOwnJob(plan: ScorePlan, run: NonNullable<Signal['fill']>): Promise<number> {
  const [computed] = await underClaims([plan], Number.POSITIVE_INFINITY, ([claimed]) =>
    run(plan.params, plan.context, claimed!.shards),
  );
  return computed!;
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
