import { basename } from 'node:path';
import type { z } from 'zod';
import { optionFlags } from '../base/cli-flags.ts';
import { WinnowError } from '../base/errors.ts';
import { optionError } from '../base/option-error.ts';
import { measuredTime, sumTimes, type TimeEstimate } from '../cost/time.ts';
import { type Dataset, datasetColumns } from '../dataset/dataset.ts';
import { hiddenSize } from '../models/model-size.ts';
import { resolveWeights } from '../models/source.ts';
import { createRandom } from '../numeric/philox.ts';
import { parseBudget } from '../select/compose/budget.ts';
import { deviceNamed, earlierRuns, firstRows, passCount, readingTime } from '../signals/engine/estimate-time.ts';
import { runScore, type ScoreResult } from '../signals/engine/score.ts';
import { planScore } from '../signals/engine/score-plan.ts';
import { loss } from '../signals/measured/loss.ts';
import { LossParams } from '../signals/measured/loss-params.ts';
import type { Project } from '../store/project.ts';
import { findRun } from '../store/runs.ts';
import { type TrainResult, train } from '../train/train.ts';
import type { FitOptions } from './fit-options.ts';

export interface ScoreFitRequest extends Partial<z.infer<typeof FitOptions>> {
  /** Options of the signal `loss`; its model is the one that is tuned. */
  params?: Record<string, unknown>;
  dataset?: string | undefined;
  offline?: boolean;
  dryRun?: boolean;
  abort?: AbortSignal;
  progress?: (what: string, done: number, total: number) => void;
  note?: (text: string) => void;
}

/** What tuning takes. */
export interface Tuning {
  /** Name of the run: `--model` of every other signal takes it. Its `ids.json` lists the rows. */
  run: string;
  model: string;
  rows: number;
  epochs: number;
  batch: number;
  steps: number;
  learningRate: number;
  /** Of a dry run: of tuning, and of measuring all rows. */
  time?: TimeEstimate;
}

export interface ScoreFitResult extends ScoreResult {
  tuning: Tuning & { stepsDone: number; seconds: number };
}

/** Rows at most, and steps at least, that a default tuning takes. */
const MOST_ROWS = 8000;
const SHARE = 0.25;
const STEPS = 125;
const FEWEST_ROWS = 10;

/**
 * Tunes a model on a random part of a data set, then measures the losses of all of it: the way out where a model does
 * not fit the data. The rows that it was tuned on are recorded with the run; they are scored like the others, and
 * whether the model fits is judged by the others. An interrupted call goes on where it was.
 *
 * @throws WinnowError of `train` and `planScore`; `FIT_TOO_FEW_ROWS`, `OPTION_INVALID`
 */
export async function scoreFit(
  project: Project,
  request: ScoreFitRequest,
): Promise<ScoreFitResult | { tuning: Tuning }> {
  const params = checkParams({ ...request.params });
  const dataset = await project.dataset(request.dataset);
  const seed = request.fitSeed ?? project.config().defaults.seed ?? 42;
  const model = String(request.params?.model ?? project.config().defaults.model ?? 'micro-vlm');
  const rows = drawRows(dataset, request.fitRows, seed);
  const { tuning, options, folder } = await planTuning(dataset, model, rows.length, params, request);
  const before = await findRun(project, tuning.run);
  const trained: TrainResult = await train(project, {
    options,
    dataset: dataset.name,
    rows,
    name: tuning.run,
    seed,
    // Only a run that this command made may make room for another one.
    replace: before?.head.options.fit === true,
    marks: { fit: true, fitCommand: fitCommand(request, dataset.name) },
    dryRun: request.dryRun,
    signal: request.abort,
    progress: (done, total, what) => request.progress?.(what, done, total),
    note: request.note,
  });
  const planned = { ...tuning, steps: trained.steps };
  if (request.dryRun === true) {
    const scoring = await scoringTime(project, dataset, folder, tuning, { ...params, ...request.params });
    return { tuning: { ...planned, time: sumTimes([trained.time!, scoring]) } };
  }
  const plan = await planScore(project, {
    signal: 'loss',
    params: { ...request.params, model: tuning.run },
    dataset: dataset.name,
    offline: request.offline,
    abort: request.abort,
    progress: request.progress,
  });
  const result = await runScore(plan);
  return { ...result, tuning: { ...planned, stepsDone: trained.stepsDone, seconds: trained.seconds } };
}

/** The command that does the same again. */
function fitCommand({ params = {}, fitRows, fitRate, fitEpochs, fitSeed }: ScoreFitRequest, dataset: string): string {
  return `winnow score loss${optionFlags({ ...params, fit: true, fitRows, fitRate, fitEpochs, fitSeed, dataset })}`;
}

function checkParams(given: Record<string, unknown>): LossParams {
  const parsed = LossParams.safeParse(given);
  if (!parsed.success) throw optionError('loss', parsed.error, given, 'winnow score loss --help');
  const unable =
    parsed.data.server !== undefined ? '--server' : parsed.data.by === 'process' ? '--by process' : undefined;
  if (unable === undefined) return parsed.data;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `--fit tunes a model in the worker and measures there, so it does not go with ${unable}.`,
    hint: `Leave ${unable} out, and name the weights with --model.`,
    exitCode: 2,
  });
}

/** Random rows of those that can be read, ascending; of rows with an image, where there are any. */
function drawRows(dataset: Dataset, amount: string | undefined, seed: number): number[] {
  const { textOnly, quarantined } = datasetColumns(dataset);
  const sound = Array.from({ length: dataset.rows }, (_, row) => row).filter((row) => !quarantined.has(row));
  const seen = sound.filter((row) => textOnly[row] !== 1);
  const pool = seen.length > 0 ? seen : sound;
  const usual = Math.min(MOST_ROWS, Math.floor(SHARE * pool.length));
  const count = amount === undefined ? usual : Math.min(pool.length, parseBudget(amount, pool.length).count);
  if (count < FEWEST_ROWS) {
    throw new WinnowError({
      code: 'FIT_TOO_FEW_ROWS',
      message: `${count} of ${pool.length} rows are too few to tune a model on; it takes ${FEWEST_ROWS}.`,
      hint: 'Give more of them with --fit-rows, for example --fit-rows 50%, or measure with a model that knows such data: --model FOLDER.',
      exitCode: 2,
    });
  }
  return [...createRandom(seed, 'fit/rows').sample(pool.length, count)].map((i) => pool[i]!).sort((a, b) => a - b);
}

/**
 * Steps of 64 rows, or of 16 where that would be few; the rate falls with the width of the model, as published ones do.
 */
async function planTuning(
  dataset: Dataset,
  model: string,
  rows: number,
  params: LossParams,
  { fitRate, fitEpochs, offline }: ScoreFitRequest,
): Promise<{ tuning: Tuning; folder: string; options: NonNullable<Parameters<typeof train>[1]>['options'] }> {
  const { folder } = await resolveWeights(model, { offline });
  const batch = rows >= 16 * 64 ? 64 : 16;
  const perEpoch = Math.ceil(rows / batch);
  const epochs = fitEpochs ?? Math.min(10, Math.ceil(STEPS / perEpoch));
  const width = (await hiddenSize(folder)) ?? 4096;
  const learningRate = fitRate ?? Number(((2e-5 * 4096) / width).toPrecision(3));
  const name = model === 'micro-vlm' ? '' : `-${basename(model)}`;
  const run = `fit-${dataset.name}${name}`.replace(/[^\w.-]/g, '_').slice(0, 100);
  const dtype = params.dtype === 'bfloat16' ? ('bfloat16' as const) : undefined;
  return {
    folder,
    tuning: {
      run,
      model,
      rows,
      epochs,
      batch,
      steps: perEpoch * epochs,
      learningRate,
    },
    options: { model, checkpoints: 1, epochs, batch, learningRate, device: params.device, dtype },
  };
}

/** The time of the losses of all rows with the tuned model, which the worker measures. */
async function scoringTime(
  project: Project,
  dataset: Dataset,
  folder: string,
  { run, model }: Tuning,
  params: LossParams,
): Promise<TimeEstimate> {
  const names = loss.columns(params).map(({ name }) => name);
  const work = { rows: dataset.rows, passes: passCount(loss, names, 0) };
  const earlier = await earlierRuns(project, loss, run, { ...params, model: run });
  const samples = await firstRows(
    dataset,
    Array.from({ length: dataset.rows }, (_, row) => row),
  );
  const device = await deviceNamed(params.device);
  return measuredTime(work, earlier) ?? readingTime({ ...work, folder, model, samples, device });
}
