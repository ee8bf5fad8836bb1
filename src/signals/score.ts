import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Dataset } from '../dataset/dataset.ts';
import { type Quarantined, WinnowError } from '../dataset/errors.ts';
import { describeHolder, type Holder } from '../store/lock.ts';
import type { Project } from '../store/project.ts';
import { readQuarantined } from '../store/shard-read.ts';
import { claimShard, planShards, type Shard, type ShardPlan, writeShard } from '../store/shards.ts';
import { recordSignal } from '../store/signals.ts';
import { signals } from './registry.ts';
import type { Signal, SignalContext, SignalRun } from './signal.ts';

/** How often to look whether another process has finished its shards, in ms. */
const LOOK_AGAIN_MS = 250;

export interface ScoreRequest {
  /** Name of the signal, e.g. `loss`. */
  signal: string;
  /** Its parameters; what is left out takes the project's default, then the signal's. */
  params?: Record<string, unknown>;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Never fetch a model. @default false */
  offline?: boolean;
  abort?: AbortSignal;
  progress?: (what: string, done: number, total: number) => void;
}

/** What a scoring run would do; JSON. */
export interface ScoreSummary {
  signal: string;
  dataset: string;
  model: string;
  revision: string;
  params: Record<string, unknown>;
  rows: number;
  rowsMissing: number;
  shards: number;
  shardsMissing: number;
  cost: string;
}

export interface ScorePlan {
  summary: ScoreSummary;
  project: Project;
  signal: Signal;
  params: Record<string, unknown>;
  shards: ShardPlan;
  context: SignalContext;
}

export interface ScoreResult extends ScoreSummary {
  /** Rows of the shards that were computed now. */
  rowsComputed: number;
  seconds: number;
  /** Rows of the data set that have no numbers, with the reason. */
  quarantined: Quarantined[];
}

/** The signal of that name. @throws WinnowError `SIGNAL_UNKNOWN` */
function findSignal(name: string): Signal {
  const signal = signals.find((item) => item.name === name);
  if (signal !== undefined) return signal;
  throw new WinnowError({
    code: 'SIGNAL_UNKNOWN',
    message: `There is no signal "${name}".`,
    hint: `Use one of: ${signals.map((item) => item.name).join(', ')}.`,
    exitCode: 2,
  });
}

function parseParams(signal: Signal, given: Record<string, unknown>): Record<string, unknown> {
  // A name that is mistyped must not pass for an option that was left out.
  const schema = signal.params instanceof z.ZodObject ? signal.params.strict() : signal.params;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const issue = parsed.error.issues[0];
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `${signal.name}: ${[...(issue?.path.slice(0, 1) ?? []), issue?.message ?? 'invalid options'].map(String).join(': ')}`,
    hint: `See: winnow score ${signal.name} --help`,
    exitCode: 2,
  });
}

/** Defaults of `winnow.yaml` that a signal's parameters take when they are not given. */
function projectDefaults(project: Project, signal: Signal): Record<string, unknown> {
  const defaults = project.config().defaults;
  if (signal.name === 'loss') {
    return {
      ...(defaults.model === undefined ? {} : { model: defaults.model }),
      ...(defaults.blind === undefined ? {} : { blind: [defaults.blind] }),
    };
  }
  if (signal.name === 'text-embedding') return defaults.encoder === undefined ? {} : { encoder: defaults.encoder };
  if (signal.name === 'image-embedding')
    return defaults.imageEncoder === undefined ? {} : { encoder: defaults.imageEncoder };
  return {};
}

/** Which shards of a signal are missing and what they cost. Loads no model. */
export async function planScore(project: Project, request: ScoreRequest): Promise<ScorePlan> {
  const signal = findSignal(request.signal);
  const params = parseParams(signal, { ...projectDefaults(project, signal), ...request.params });
  const dataset = await project.dataset(request.dataset);
  const context: SignalContext = {
    dataset,
    offline: request.offline ?? false,
    ...(request.abort === undefined ? {} : { signal: request.abort }),
    ...(request.progress === undefined ? {} : { progress: request.progress }),
  };
  const revision = await signal.revision(params, context);
  const shards = await planShards(
    project,
    dataset,
    {
      signal: signal.name,
      version: signal.version,
      revision,
      params: signal.key(params),
      columns: signal.columns(params),
      media: signal.readsMedia,
    },
    { shardRows: signal.shardRows, ...(request.abort === undefined ? {} : { signal: request.abort }) },
  );
  const missing = shards.shards.filter((shard) => !shard.done);
  return {
    project,
    signal,
    params,
    shards,
    context,
    summary: {
      signal: signal.name,
      dataset: dataset.name,
      model: String(params.model ?? params.encoder ?? 'no model'),
      revision,
      params,
      rows: dataset.rows,
      rowsMissing: missing.reduce((sum, shard) => sum + shard.end - shard.start, 0),
      shards: shards.shards.length,
      shardsMissing: missing.length,
      cost: signal.cost(params),
    },
  };
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
          run ??= await signal.open(params, context);
          await computeShard(plan, run, shard);
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

async function computeShard({ project, shards, context }: ScorePlan, run: SignalRun, shard: Shard): Promise<void> {
  const samples = await wholeShard(context.dataset, shard.start, shard.end);
  const block = await run.compute({ start: shard.start, samples });
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
