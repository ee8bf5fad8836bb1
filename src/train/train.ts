import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { WinnowError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files/atomic.ts';
import { optionError } from '../base/option-error.ts';
import type { TimeEstimate } from '../cost/time.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { resolveWeights } from '../models/source.ts';
import { mean } from '../numeric/statistics/statistics.ts';
import { withLock } from '../store/lock.ts';
import type { Project } from '../store/project.ts';
import {
  type Checkpoint,
  findRun,
  finishedRun,
  type RunHead,
  runFolder,
  runKey,
  saveRunHead,
  saveTunedIds,
} from '../store/runs.ts';
import { loadSelection } from '../store/selections.ts';
import { runJob } from '../worker/run-job.ts';
import { sampleLines } from '../worker/samples.ts';
import { trainingFacts, trainingTime } from './estimate-time.ts';
import { fitToData, ProxyRecipe } from './recipe.ts';
import { checkpointSteps, layOut, learningRate, sampleOrder } from './schedule.ts';

/** Raised when the same plan gives other weights. */
const VERSION = 1;
/** How often the state to go on from is saved between checkpoints. */
const SAVE_SECONDS = 300;
const ROWS_AT_ONCE = 1024;
/** Rows that can't be read are named up to this one, then counted. */
const NAMED_ROWS = 5;

export interface TrainRequest {
  /** @default proxy */
  recipe?: 'proxy';
  /** What the recipe leaves open; see `ProxyRecipe`. */
  options?: Partial<z.input<typeof ProxyRecipe>>;
  /** Data set of the project. @default the first */
  dataset?: string | undefined;
  /** Train on what this selection kept. @default all rows */
  selection?: string | undefined;
  /** Train on these rows alone, ascending. @default what `selection` says */
  rows?: readonly number[] | undefined;
  /** Noted among the options of the run: who made it. */
  marks?: Readonly<Record<string, unknown>>;
  /** Name of the run. @default proxy */
  name?: string | undefined;
  /** Seed of the order (and of dropout). @default that of `winnow.yaml`, else 42 */
  seed?: number | undefined;
  /** Throw a run of that name away first, where it was made from something else. @default false */
  replace?: boolean | undefined;
  dryRun?: boolean;
  signal?: AbortSignal;
  progress?: (done: number, total: number, what: string) => void;
  note?: (text: string) => void;
}

/** What a training run is, or would be. */
export interface TrainResult {
  name: string;
  recipe: string;
  dataset: string;
  model: string;
  options: Record<string, unknown>;
  seed: number;
  samples: number;
  steps: number;
  checkpointSteps: number[];
  cost: string;
  /** Steps taken now; 0 where all was there. */
  stepsDone: number;
  seconds: number;
  folder: string;
  checkpoints: Checkpoint[];
  /** Loss of the last step, nats a token. */
  loss?: number;
  /** Of a dry run: of the steps that are left. */
  time?: TimeEstimate;
}

/**
 * Fine-tune a small model so that its checkpoints can be measured: `winnow score … --checkpoints NAME`. A run that was
 * stopped goes on where it was; one that is finished is left as it is.
 *
 * @throws WinnowError `TOO_FEW_STEPS`, `RUN_EXISTS`, `MODEL_UNKNOWN`, `LOSS_NOT_FINITE`, and what the worker says
 */
export async function train(project: Project, request: TrainRequest = {}): Promise<TrainResult> {
  const given = parseOptions(request.options ?? {});
  const name = checkName(request.name ?? 'proxy');
  const seed = request.seed ?? project.config().defaults.seed ?? 42;
  const dataset = await project.dataset(request.dataset);
  const rows = request.rows ?? (await rowsOf(project, dataset, request.selection));
  const isPart = request.rows !== undefined || request.selection !== undefined;
  const { recipe: options, note } = fitToData(given, rows.length);
  await requireImages(dataset, rows, options);
  const model = await resolveWeights(options.model, {});
  const ids = rows.map((row) => dataset.ids[row]!);
  const plan = planSteps(ids, options, seed);
  const { device: _device, ...decisive } = options;
  const head: RunHead = {
    format: 1,
    name,
    recipe: 'proxy',
    key: runKey([VERSION, dataset.hash, isPart ? rows : null, model.revision, decisive, seed]),
    dataset: { name: dataset.name, hash: dataset.hash, rows: rows.length },
    model: { name: options.model, revision: model.revision },
    options: { ...decisive, seed, selection: request.selection, ...request.marks },
    steps: plan.length,
  };
  const result = {
    name,
    recipe: 'proxy',
    dataset: dataset.name,
    model: options.model,
    options: head.options,
    seed,
    samples: rows.length,
    steps: plan.length,
    checkpointSteps: plan.filter(({ checkpoint }) => checkpoint !== undefined).map(({ step }) => step),
    cost: `${rows.length * options.epochs} samples forward and backward (about ${3 * options.epochs} forward passes of the data set), ${options.checkpoints} checkpoints`,
    stepsDone: 0,
    seconds: 0,
    folder: runFolder(project, name),
    checkpoints: [] as Checkpoint[],
  };
  const before = await findRun(project, name);
  if (before !== undefined && before.head.key !== head.key && request.replace !== true) throw taken(name, before.head);
  if (note !== undefined && before?.head.key !== head.key) request.note?.(note);
  if (request.dryRun === true) {
    const checkpoints = before?.checkpoints ?? [];
    const stepsLeft = plan.length - (before?.head.key === head.key ? (checkpoints.at(-1)?.step ?? 0) : 0);
    const time = await trainingTime(project, dataset, rows, { folder: model.folder, options, stepsLeft });
    return { ...result, checkpoints, time };
  }
  return withLock(project.locks, `run-${name}`, async () => {
    const found = await findRun(project, name);
    if (found !== undefined && found.head.key !== head.key) await rm(result.folder, { recursive: true });
    else if (found?.finished) {
      await dropLeftovers(result.folder);
      return { ...result, checkpoints: found.checkpoints };
    }
    await saveRunHead(project, head);
    await saveTunedIds(project, name, ids);
    const done = await runWorker(project, dataset, rows, plan, { model: model.folder, options, seed, head, request });
    const { checkpoints } = await finishedRun(project, name);
    await project.record({
      kind: 'train',
      name,
      about: {
        dataset: dataset.name,
        steps: plan.length,
        key: head.key,
        ...trainingFacts(options, done.stepsDone, done.seconds),
      },
    });
    return { ...result, ...done, checkpoints };
  });
}

/**
 * One step as the worker reads it: its rate, places of its samples by micro-batch, and the number of the checkpoint
 * behind it.
 */
interface Step {
  step: number;
  rate: number;
  micro: number[][];
  checkpoint?: number;
  /** With a checkpoint: the mean of the rates since the one before it. */
  meanRate?: number;
}

function planSteps(ids: readonly string[], options: ProxyRecipe, seed: number): Step[] {
  const microBatch = Math.min(options.microBatch, options.batch);
  const layout = { microBatch, ranks: 1, accumulate: Math.ceil(options.batch / microBatch) };
  const micro: number[][][] = [];
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const order = sampleOrder(ids, seed, epoch);
    for (let from = 0; from < order.length; from += options.batch) {
      const { batches } = layOut(order.slice(from, from + options.batch), layout);
      micro.push(batches.map(({ items }) => items));
    }
  }
  const saved = new Map(checkpointSteps(micro.length, options.checkpoints).map((step, i) => [step, i + 1]));
  const rate = { peak: options.learningRate, warmup: options.warmup, schedule: options.schedule };
  let since: number[] = [];
  return micro.map((batches, i) => {
    const step = { step: i + 1, rate: learningRate(i + 1, micro.length, rate), micro: batches };
    since.push(step.rate);
    const checkpoint = saved.get(i + 1);
    if (checkpoint === undefined) return step;
    const meanRate = mean(since);
    since = [];
    return { ...step, checkpoint, meanRate };
  });
}

async function runWorker(
  project: Project,
  dataset: Dataset,
  rows: readonly number[],
  plan: readonly Step[],
  how: { model: string; options: ProxyRecipe; seed: number; head: RunHead; request: TrainRequest },
): Promise<{ stepsDone: number; seconds: number; loss?: number }> {
  const { options, request } = how;
  const folder = runFolder(project, how.head.name);
  const samples = join(folder, 'samples.jsonl');
  await writeFile(samples, '');
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    request.signal?.throwIfAborted();
    await writeFile(samples, await sampleLines(dataset, rows.slice(at, at + ROWS_AT_ONCE)), { flag: 'a' });
  }
  await writeFileAtomic(join(folder, 'plan.jsonl'), plan.map((step) => `${JSON.stringify(step)}\n`).join(''));
  const began = performance.now();
  let stepsDone = 0;
  let skipped = 0;
  let loss: number | undefined;
  await runJob(
    {
      kind: 'train',
      model: { path: how.model },
      media_root: dataset.mediaRoot,
      samples,
      plan: join(folder, 'plan.jsonl'),
      device: options.device,
      dtype: options.dtype,
      threads: 0,
      folder,
      recipe: {
        train: options.train,
        micro_batch: options.microBatch,
        weight_decay: options.weightDecay,
        max_grad_norm: options.maxGradNorm,
        seed: how.seed,
        gradient_checkpointing: options.gradientCheckpointing,
        optimizer_state: options.optimizerState,
        save_seconds: SAVE_SECONDS,
      },
    },
    {
      signal: request.signal,
      onEvent: (event) => {
        if (event.t === 'warn' && (event.code !== 'ROW_SKIPPED' || skipped++ < NAMED_ROWS)) request.note?.(event.msg);
        if (event.t !== 'step') return;
        stepsDone++;
        loss = event.loss;
        request.progress?.(event.n, plan.length, `training ${how.head.name}: loss ${event.loss.toFixed(3)}`);
      },
    },
  );
  await rm(samples);
  if (skipped > 0)
    request.note?.(`${skipped} rows could not be read: ${join(folder, 'skipped.jsonl')} has all of them`);
  return { stepsDone, seconds: (performance.now() - began) / 1000, loss };
}

/** The rows to train on, in the order of the data set; what the import set aside is not among them. */
async function rowsOf(project: Project, dataset: Dataset, selection: string | undefined): Promise<number[]> {
  const bad = new Set(dataset.quarantined.map(({ row }) => row));
  const all = Array.from({ length: dataset.rows }, (_, row) => row);
  if (selection === undefined) return all.filter((row) => !bad.has(row));
  const loaded = await loadSelection(project, selection);
  if (loaded.dataset.hash !== dataset.hash) {
    throw new WinnowError({
      code: 'SELECTION_STALE',
      message: `The selection "${selection}" was made from ${loaded.dataset.name}, as it was then.`,
      hint: `Give that data set with --dataset, or select again.`,
      exitCode: 2,
    });
  }
  const kept = new Set(loaded.kept);
  return all.filter((row) => kept.has(row) && !bad.has(row));
}

function parseOptions(given: Partial<z.input<typeof ProxyRecipe>>): z.infer<typeof ProxyRecipe> {
  const parsed = ProxyRecipe.safeParse(given);
  if (parsed.success) return parsed.data;
  throw optionError('train', parsed.error, given, 'winnow train --help');
}

/** A run that was killed behind its last checkpoint leaves what it would have gone on from. */
async function dropLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder);
  const left = names.filter((name) => name === 'samples.jsonl' || /^(resume-\d+|\..*\.tmp)$/.test(name));
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
}

/** Without the language model only rows with images teach anything. @throws WinnowError `NOTHING_TO_TRAIN` */
async function requireImages(dataset: Dataset, rows: readonly number[], { train }: ProxyRecipe): Promise<void> {
  if (train.includes('language')) return;
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const samples = await dataset.get(rows.slice(at, at + ROWS_AT_ONCE));
    if (samples.some((sample) => sample !== null && sample.media.images.length > 0)) return;
  }
  throw new WinnowError({
    code: 'NOTHING_TO_TRAIN',
    message: `None of the ${rows.length} rows of ${dataset.name} has an image, and ${train.join(' and ')} alone learns from images.`,
    hint: 'Train the language model too (--train connector,language), or choose rows with images.',
    exitCode: 2,
  });
}

function checkName(name: string): string {
  if (/^[\w][\w.-]{0,99}$/.test(name)) return name;
  throw new WinnowError({
    code: 'NAME_INVALID',
    message: `"${name}" can't be the name of a run.`,
    hint: 'Use letters, digits, ".", "_" and "-".',
    exitCode: 2,
  });
}

function taken(name: string, head: RunHead): WinnowError {
  return new WinnowError({
    code: 'RUN_EXISTS',
    message: `A run "${name}" is there, made from ${head.dataset.name} with other rows or options.`,
    hint: 'Give this one another --name, or throw the old one away with --replace.',
    exitCode: 2,
  });
}
