import { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { sharedTime, sumTimes, type TimeEstimate } from '../cost/time.ts';
import { isRunName } from '../models/source.ts';
import { providerOf } from '../signals/engine/column-providers.ts';
import { runScores, type ScoreResult, sharedKey } from '../signals/engine/score.ts';
import { dryRun, planScore } from '../signals/engine/score-plan.ts';
import { signals } from '../signals/measured/registry.ts';
import { SharedParams } from '../signals/measured/worker-params.ts';
import type { ScorePlan, ScoreSummary, Signal } from '../signals/signal.ts';
import type { Project } from '../store/project.ts';
import { needsOf, referenceNeedsOf } from './arena/contestant.ts';
import { parseMethods } from './arena/methods.ts';

type Shared = z.input<typeof SharedParams>;

export interface ScoreAllRequest extends Partial<Shared> {
  /** Methods whose columns are measured, as the arena takes them. @default all */
  for?: string | readonly string[] | undefined;
  /** Signals instead of methods. */
  signals?: readonly string[] | undefined;
  /** Data set that stands for the target: it gets the columns that methods read of it. */
  reference?: string | undefined;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  offline?: boolean | undefined;
  /** Say what would be measured. @default false */
  dryRun?: boolean | undefined;
  abort?: AbortSignal;
  progress?: (what: string, done: number, total: number) => void;
}

export interface ScoreAllResult {
  /** In the order in which they were measured; of a dry run, planned. */
  signals: (ScoreSummary | ScoreResult)[];
  /** Columns that methods read and no signal measures: they are imported. */
  elsewhere: { column: string; methods: string[] }[];
  /** Of a dry run: signals that are made from columns which the others measure first. */
  after: { signal: string; dataset: string; cost: string }[];
  /** Signals that could not be planned, and why. */
  left: { signal: string; because: string }[];
  /** Of a dry run: of all that it would measure; what is made from other columns is not counted. */
  time?: TimeEstimate;
}

/**
 * Measure all that methods read, in as few passes as it takes: signals that the worker measures with one model go
 * through it together.
 *
 * @throws WinnowError `METHOD_UNKNOWN`, `SIGNAL_UNKNOWN`, and what each signal throws
 */
export async function scoreAll(project: Project, request: ScoreAllRequest = {}): Promise<ScoreAllResult> {
  const pool = wantedSignals(request, 'needs');
  const result: ScoreAllResult = { signals: [], elsewhere: pool.elsewhere, after: [], left: [] };
  const times: Times = new Map();
  await measure(project, request, request.dataset, pool.wanted, result, times);
  if (request.reference !== undefined) {
    const target = wantedSignals(request, 'referenceNeeds');
    await measure(project, request, request.reference, target.wanted, result, times);
  }
  if (request.dryRun !== true) return result;
  return { ...result, time: sumTimes([...times.values()].map(sharedTime)) };
}

/** Of a dry run, by what goes through the worker together. */
type Times = Map<string, TimeEstimate[]>;

/** Options by signal: those that make the columns that methods read. */
type Wanted = Map<Signal, Record<string, unknown>>;

function wantedSignals(
  { for: methods, signals: names }: ScoreAllRequest,
  needs: 'needs' | 'referenceNeeds',
): { wanted: Wanted; elsewhere: ScoreAllResult['elsewhere'] } {
  if (names !== undefined) return { wanted: new Map(names.map((name) => [signalNamed(name), {}])), elsewhere: [] };
  const wanted: Wanted = new Map();
  const unmade = new Map<string, string[]>();
  const want = (column: string, method: string): void => {
    const provider = providerOf(column);
    if (provider === undefined) {
      unmade.set(column, [...(unmade.get(column) ?? []), method]);
      return;
    }
    wanted.set(provider.signal, joined(wanted.get(provider.signal), provider.options));
    for (const read of provider.signal.reads?.(provider.signal.params.parse(provider.options)) ?? [])
      want(read, method);
  };
  for (const entry of parseMethods(methods ?? 'all')) {
    for (const column of (needs === 'needs' ? needsOf(entry) : referenceNeedsOf(entry)) ?? []) want(column, entry.id);
  }
  // In the order of the registry: what is made from other columns stands behind them.
  const ordered = signals.flatMap((signal) => (wanted.has(signal) ? [[signal, wanted.get(signal)!] as const] : []));
  return { wanted: new Map(ordered), elsewhere: [...unmade].map(([column, by]) => ({ column, methods: by })) };
}

/** Options that make the columns of both: lists are joined. */
function joined(one: Record<string, unknown> = {}, other: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(other).map(([name, value]) => {
    const before = one[name];
    return [name, Array.isArray(value) && Array.isArray(before) ? [...new Set([...before, ...value])] : value];
  });
  return { ...one, ...Object.fromEntries(entries) };
}

function signalNamed(name: string): Signal {
  const signal = signals.find((one) => one.name === name);
  if (signal !== undefined) return signal;
  throw new WinnowError({
    code: 'SIGNAL_UNKNOWN',
    message: `There is no signal "${name}".`,
    hint: `${didYouMean(
      name,
      signals.map((one) => one.name),
    )}Use some of: ${signals.map((one) => one.name).join(', ')}.`,
    exitCode: 2,
  });
}

async function measure(
  project: Project,
  request: ScoreAllRequest,
  dataset: string | undefined,
  wanted: Wanted,
  result: ScoreAllResult,
  times: Times,
): Promise<void> {
  // What is made from other columns (scores of trained scorers) can be planned when those are there.
  const made = [...wanted].filter(([signal]) => signal.computeMissing !== undefined);
  const read = [...wanted].filter(([signal]) => signal.computeMissing === undefined);
  for (const batch of [read, ...made.map((one) => [one])]) {
    const plans: ScorePlan[] = [];
    for (const [signal, options] of batch) {
      if (wantsTraining(signal, request)) {
        result.left.push({ signal: signal.name, because: ALONG_TRAINING });
        continue;
      }
      try {
        plans.push(
          await planScore(project, {
            signal: signal.name,
            params: { ...options, ...sharedOptions(signal, request), ...tunedProxy(signal, request) },
            dataset,
            offline: request.offline ?? false,
            abort: request.abort,
            progress: request.progress,
          }),
        );
      } catch (error) {
        // One signal that has not what it is made from must not keep the others from being measured.
        if (!(error instanceof WinnowError) || request.signals !== undefined) throw error;
        const first = request.dryRun === true && measuredFirst(signal, options, result.signals);
        if (first === false) result.left.push({ signal: signal.name, because: error.message });
        else result.after.push({ signal: signal.name, ...first });
      }
    }
    if (request.dryRun === true) {
      for (const plan of plans) {
        const summary = await dryRun(plan);
        const key = (await sharedKey(plan)) ?? `${summary.dataset} ${summary.signal}`;
        times.set(key, [...(times.get(key) ?? []), summary.time!]);
        result.signals.push(summary);
      }
      continue;
    }
    try {
      result.signals.push(...(await runScores(plans)));
    } catch (error) {
      // A data set without images has no features to train a scorer on; what was measured before it stays.
      const [only] = batch;
      if (!(error instanceof WinnowError) || error.code !== 'NOTHING_TO_TRAIN' || only === undefined) throw error;
      result.left.push({ signal: only[0].name, because: error.message });
    }
  }
}

const ALONG_TRAINING =
  'it is measured along the training of a proxy: run "winnow train --recipe proxy", then give --checkpoints proxy';

/** The model alone would give a trajectory of one place, and take the place of one that was measured of a proxy. */
function wantsTraining(signal: Signal, { checkpoints, signals: named }: ScoreAllRequest): boolean {
  const isAlong = signal.params instanceof z.ZodObject && 'checkpoints' in signal.params.shape;
  return isAlong && named === undefined && (checkpoints ?? []).length === 0;
}

/** What is said of a signal all of whose columns the planned signals measure first; false where they don't. */
function measuredFirst(
  signal: Signal,
  options: Record<string, unknown>,
  planned: readonly ScoreSummary[],
): { dataset: string; cost: string } | false {
  const params = signal.params.parse(options);
  const providers = (signal.reads?.(params) ?? []).map((column) => providerOf(column)?.signal.name);
  const [one] = planned;
  if (one === undefined || providers.length === 0) return false;
  if (!providers.every((provider) => planned.some((plan) => plan.signal === provider))) return false;
  return { dataset: one.dataset, cost: signal.cost(params) };
}

/** The end of a training run is the model of signals that methods mean of a tuned proxy, unless another is named. */
function tunedProxy(signal: Signal, { model, checkpoints = [] }: ScoreAllRequest): { model?: string } {
  const [run] = checkpoints;
  if (model !== undefined || run === undefined || checkpoints.length > 1) return {};
  return isRunName(run) && signal.proxy === 'model' ? { model: run } : {};
}

/** Those of the shared options that a signal has. */
function sharedOptions(signal: Signal, request: ScoreAllRequest): Record<string, unknown> {
  if (!(signal.params instanceof z.ZodObject)) return {};
  const { shape } = signal.params;
  return Object.fromEntries(
    Object.keys(SharedParams.shape).flatMap((name) => {
      const value = request[name as keyof Shared];
      const fits = name in shape && (name !== 'model' || 'device' in shape);
      return value !== undefined && fits ? [[name, value]] : [];
    }),
  );
}
