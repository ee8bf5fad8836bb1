import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { familyOf, fixedTokens } from '../../cost/image-tokens/families.ts';
import {
  assumedServerTime,
  assumedTime,
  type EarlierRun,
  measuredTime,
  NOTHING,
  type TimeEstimate,
} from '../../cost/time.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import type { Sample } from '../../dataset/sample.ts';
import { parameterCount } from '../../models/model-size.ts';
import type { Project } from '../../store/project.ts';
import type { Estimate, ScorePlan, Signal } from '../signal.ts';
import type { Pass } from './cost-model.ts';
import { weightsOf } from './weights.ts';

/** Options on which the speed depends, beside the model. */
const DECISIVE = ['by', 'device', 'dtype', 'batch', 'server', 'concurrency'] as const;
/** Samples whose length is taken for that of all. */
const SAMPLED = 64;
/** An image in a model of which nothing is known: LLaVA-1.5's, and that of models of some millions of parameters. */
const IMAGE_TOKENS = { large: 576, small: 64, smallest: 1e8 };
const CHARACTERS_A_TOKEN = 4;

/** The time that a plan will take: by the rate of earlier runs of the same signal and model, else by assumptions. */
export async function estimateTime(plan: ScorePlan, requests: Estimate | undefined): Promise<TimeEstimate> {
  const { project, signal, params, summary } = plan;
  if (summary.rowsMissing === 0) return NOTHING;
  const passes = passCount(
    signal,
    signal.columns(params).map(({ name }) => name),
    listOf(params.checkpoints).length,
  );
  const work = { rows: summary.rowsMissing, passes };
  const measured = measuredTime(work, await earlierRuns(project, signal, summary.model, params));
  if (measured !== undefined) return measured;
  if (requests !== undefined) return assumedServerTime(requests);
  return readingTime({
    ...work,
    folder: await modelFolder(plan),
    model: summary.model,
    samples: await firstMissing(plan),
    device: await deviceOf(plan),
  });
}

/** Rows that a model reads, of which nothing was measured. */
interface Reading {
  rows: number;
  passes: number;
  /** Of the model; undefined where none is read. */
  folder: string | undefined;
  model: string;
  /** Some of the rows: their length is taken for that of all. */
  samples: readonly (Sample | null)[];
  device: 'processor' | 'gpu';
}

/** From the size of the model and the length of the rows. */
export async function readingTime({ rows, passes, folder, model, samples, device }: Reading): Promise<TimeEstimate> {
  const parameters = folder === undefined ? 0 : await parameterCount(folder);
  const tokens = meanRowTokens(samples, model, parameters);
  return assumedTime({ rows, passes, parameters, tokens, device, cores: availableParallelism() });
}

/** Earlier runs of the signal with the same model and the same options of speed, oldest first. */
export async function earlierRuns(
  project: Project,
  signal: Signal,
  name: string,
  params: Record<string, unknown>,
): Promise<EarlierRun[]> {
  const speed = (options: Record<string, unknown>): string =>
    JSON.stringify(DECISIVE.map((name) => options[name] ?? null));
  return (await project.lineage()).flatMap((entry) => {
    if (entry.kind !== 'signal' || entry.signal !== signal.name || entry.version !== signal.version) return [];
    const { model, params: given, rowsComputed: rows, seconds } = entry.about;
    if (model !== name || typeof rows !== 'number' || typeof seconds !== 'number') return [];
    const used = (given ?? {}) as Record<string, unknown>;
    if (speed(used) !== speed(params)) return [];
    const columns = entry.columns.map(({ name }) => name);
    return [{ rows, seconds, passes: passCount(signal, columns, listOf(used.checkpoints).length) }];
  });
}

/** Forward passes behind some columns of a signal, those that they share counted once, a backward pass as two. */
export function passCount(signal: Signal, columns: readonly string[], checkpoints: number): number {
  const passes = new Map<string, Pass>();
  for (const pass of columns.flatMap((column) => signal.passes(column))) passes.set(pass.name, pass);
  const count = [...passes.values()].reduce((sum, { forward, backward, share = 1 }) => {
    return sum + (forward > 1 && checkpoints > 1 ? checkpoints : forward) * share + 2 * backward * share;
  }, 0);
  return count === 0 ? 1 : count;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Where the weights or graphs are; undefined where the signal reads no model, or a server has it. */
async function modelFolder({ signal, params, context }: ScorePlan): Promise<string | undefined> {
  if (signal.computeMissing !== undefined || params.server !== undefined) return undefined;
  const name = params.model ?? params.encoder;
  const by = (await signal.chosen?.(params, context)) ?? signal.by[0];
  if (by === 'worker') return (await weightsOf(params, context)).folder;
  if (typeof name !== 'string') return undefined;
  const { resolveModel } = await import('../../models/source.ts');
  // The lexical encoder is no folder.
  return resolveModel(name, context).then(
    ({ folder }) => folder,
    () => (existsSync(name) ? name : undefined),
  );
}

async function deviceOf({ signal, params, context }: ScorePlan): Promise<'processor' | 'gpu'> {
  const by = (await signal.chosen?.(params, context)) ?? signal.by[0];
  return by === 'worker' ? deviceNamed(params.device) : 'processor';
}

/** The kind of device that the worker would take. */
export async function deviceNamed(device: unknown): Promise<'processor' | 'gpu'> {
  if (device === 'cpu') return 'processor';
  if (device !== undefined && device !== 'auto') return 'gpu';
  const { hasNvidiaDriver } = await import('../../worker/setup/plan.ts');
  return hasNvidiaDriver() ? 'gpu' : 'processor';
}

function firstMissing({ shards, context }: ScorePlan): Promise<(Sample | null)[]> {
  const missing = shards.shards.find(({ done }) => !done)!;
  return firstRows(
    context.dataset,
    Array.from({ length: missing.end - missing.start }, (_, i) => missing.start + i),
  );
}

/** The samples of the first of some rows, enough to know how long rows are. */
export function firstRows(dataset: Dataset, rows: readonly number[]): Promise<(Sample | null)[]> {
  return dataset.get(rows.slice(0, SAMPLED));
}

/** Tokens of a row by the length of its text, and of an image as the model's family has it. */
function meanRowTokens(samples: readonly (Sample | null)[], model: string, parameters: number): number {
  const sound = samples.flatMap((sample) => (sample === null ? [] : [sample]));
  const family = familyOf(model);
  const usual = parameters < IMAGE_TOKENS.smallest ? IMAGE_TOKENS.small : IMAGE_TOKENS.large;
  const image = (family === undefined ? undefined : fixedTokens(family)) ?? usual;
  const tokens = sound.map(({ messages, media }) => {
    const parts = messages.flatMap((message) => message.parts);
    const characters = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
    return characters / CHARACTERS_A_TOKEN + image * media.images.length;
  });
  return tokens.reduce((sum, count) => sum + count, 0) / Math.max(1, tokens.length);
}
