import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import { optionError } from '../../base/option-error.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { Project } from '../../store/project.ts';
import { planShards, rowsToMeasure } from '../../store/shard-plan.ts';
import { signals } from '../measured/registry.ts';
import type { ScorePlan, ScoreSummary, Signal, SignalContext } from '../signal.ts';
import { commandIn } from './column-providers.ts';

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

/** The signal of that name. @throws WinnowError `SIGNAL_UNKNOWN` */
function findSignal(name: string): Signal {
  const signal = signals.find((item) => item.name === name);
  if (signal !== undefined) return signal;
  throw new WinnowError({
    code: 'SIGNAL_UNKNOWN',
    message: `There is no signal "${name}".`,
    hint: `${didYouMean(
      name,
      signals.map((item) => item.name),
    )}Use one of: ${signals.map((item) => item.name).join(', ')}.`,
    exitCode: 2,
  });
}

function parseParams(signal: Signal, given: Record<string, unknown>): Record<string, unknown> {
  // A name that is mistyped must not pass for an option that was left out.
  const schema = signal.params instanceof z.ZodObject ? signal.params.strict() : signal.params;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  throw optionError(signal.name, parsed.error, given, `winnow score ${signal.name} --help`);
}

/** Which shards of a signal are missing and what they cost. Loads no model. */
export async function planScore(project: Project, request: ScoreRequest): Promise<ScorePlan> {
  const signal = findSignal(request.signal);
  const given = request.params ?? {};
  const defaults = signal.projectDefaults?.(project.config().defaults, given);
  const params = parseParams(signal, { ...defaults, ...given });
  const dataset = await project.dataset(request.dataset);
  const context: SignalContext = {
    dataset,
    project,
    commandFor: (column) => commandIn(project, column),
    offline: request.offline ?? false,
    signal: request.abort,
    progress: request.progress,
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
      byRow: signal.computeMissing === undefined,
    },
    { shardRows: signal.shardRows, signal: request.abort },
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
      model: String(params.model ?? params.encoder ?? (params.server === undefined ? 'no model' : revision)),
      revision,
      params,
      rows: dataset.rows,
      rowsMissing: rowsToMeasure(shards, missing),
      rowsReused: [...shards.equal.values()].reduce((sum, { count }) => sum + count, 0),
      shards: shards.shards.length,
      shardsMissing: missing.length,
      cost: signal.cost(params),
    },
  };
}

/**
 * The answer of a dry run: the summary of a plan, the time that it would take, and the requests where a server is
 * asked, for which it reads the rows that are missing.
 */
export async function dryRun(plan: ScorePlan): Promise<ScoreSummary> {
  const { signal, params, context, shards, summary } = plan;
  async function* missing(): AsyncIterable<Sample> {
    for (const { start, end, done } of shards.shards) {
      if (done) continue;
      const rows = Array.from({ length: end - start }, (_, i) => start + i);
      for (const sample of await context.dataset.get(rows)) if (sample !== null) yield sample;
    }
  }
  const estimate = await signal.estimate?.(params, context, missing());
  const { estimateTime } = await import('./estimate-time.ts');
  return { ...summary, estimate, time: await estimateTime(plan, estimate) };
}
