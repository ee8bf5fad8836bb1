import { type ImageRule, openImageCounter } from '../../cost/image-tokens.ts';
import type { Dataset } from '../../dataset/dataset.ts';
import { instructionOf, responseOf } from '../../dataset/sample.ts';
import { selectors } from '../../select/methods/find.ts';
import { passesOf } from '../../signals/engine/column-providers.ts';
import type { Pass, PassModel } from '../../signals/engine/cost-model.ts';

/** What an estimate of GPU-hours rests on. */
export interface CostAssumptions {
  /** Parameters of each kind of model, in billions. */
  params: Record<PassModel, number>;
  /** Tokens that a model sees of an image, the mean of the first thousand samples, and by whose count. */
  imageTokens: number;
  imageRule: ImageRule;
  /** Mean tokens of text a sample: a fourth of its characters, counted in this data set. */
  textTokens: number;
  /** Mean images a sample, counted in this data set. */
  images: number;
  /** Rows of the data set. */
  rows: number;
  /**
   * Floating point operations a second that the GPU could do (H100, bf16, dense), and the part of them that is reached.
   */
  peak: number;
  utilisation: number;
}

/** Passes and time that some columns take. */
export interface Cost {
  /** Names of the passes. */
  passes: string[];
  /** Forward and backward passes of target and proxy a sample of the data set, partial passes counted by their part. */
  forward: number;
  backward: number;
  /** Passes of encoders of images and texts, which are small beside those. */
  encoder: number;
  /** GPU-hours on one H100 under the assumptions. */
  gpuHours: number;
  /** Columns about whose cost nothing is known. */
  unknown: string[];
}

const CHARACTERS_A_TOKEN = 4;

/** Samples whose images are measured: a family may count them by their size, which is read from each file. */
const MEASURED = 1000;

/**
 * Reads every sample once for its length. @param size parameters in billions, where the defaults (7 and 2) don't fit
 */
export async function assumptionsFor(
  dataset: Dataset,
  size: { target?: number | undefined; proxy?: number | undefined },
  imageRule: ImageRule,
  signal?: AbortSignal,
): Promise<CostAssumptions> {
  let characters = 0;
  let images = 0;
  let samples = 0;
  const counter = openImageCounter(dataset, imageRule);
  const measured = { tokens: 0, images: 0 };
  for await (const batch of dataset.batches({ signal })) {
    const some = batch.samples.slice(0, Math.max(0, MEASURED - batch.start));
    measured.tokens += (await counter.count(some)).reduce((sum, tokens) => sum + tokens, 0);
    measured.images += some.reduce((sum, sample) => sum + (sample?.media.images.length ?? 0), 0);
    for (const sample of batch.samples) {
      if (sample === null) continue;
      samples++;
      characters += instructionOf(sample).length + responseOf(sample).length;
      images += sample.media.images.length;
    }
  }
  return {
    params: { target: size.target ?? 7, proxy: size.proxy ?? 2, vision: 0.3, text: 0.022 },
    imageTokens: measured.images === 0 ? 0 : measured.tokens / measured.images,
    imageRule,
    textTokens: samples === 0 ? 0 : characters / samples / CHARACTERS_A_TOKEN,
    images: samples === 0 ? 0 : images / samples,
    rows: dataset.rows,
    peak: 989e12,
    utilisation: 0.4,
  };
}

/** A column and the rows that are to be measured. */
export interface ColumnRows {
  column: string;
  rows: number;
}

/**
 * What the passes behind some columns cost together; a pass that several columns share is counted once, over the rows
 * that any of them lacks.
 */
export function costOf(wanted: readonly ColumnRows[], assumed: CostAssumptions): Cost {
  const passes = new Map<string, Pass & { rows: number }>();
  for (const { column, rows } of wanted) {
    for (const pass of columnPasses(column) ?? []) {
      passes.set(pass.name, { ...pass, rows: Math.max(rows, passes.get(pass.name)?.rows ?? 0) });
    }
  }
  const all = [...passes.values()];
  const sum = (of: (pass: Pass & { rows: number }) => number): number =>
    all.reduce((total, pass) => total + of(pass) * (pass.share ?? 1), 0);
  return {
    passes: [...passes.keys()],
    forward: sum((pass) => (isEncoder(pass) ? 0 : pass.forward)),
    backward: sum((pass) => pass.backward),
    encoder: sum((pass) => (isEncoder(pass) ? pass.forward : 0)),
    gpuHours: sum((pass) => hours(pass, assumed)),
    unknown: [...new Set(wanted.map(({ column }) => column))].filter((column) => columnPasses(column) === undefined),
  };
}

/** Passes behind a column that a signal measures, or that a method says is measured elsewhere; undefined: unknown. */
export function columnPasses(column: string): readonly Pass[] | undefined {
  return passesOf(column) ?? selectors.find(({ elsewhere }) => elsewhere?.[column] !== undefined)?.elsewhere?.[column];
}

function isEncoder({ model }: Pass): boolean {
  return model === 'vision' || model === 'text';
}

/** A forward pass takes 2 operations a parameter and token, a backward pass twice that. */
function hours(
  { model, forward, backward, rows, tokens = 'all' }: Pass & { rows: number },
  assumed: CostAssumptions,
): number {
  const { params, imageTokens, textTokens, images, peak, utilisation } = assumed;
  const seen = model === 'vision' ? images * imageTokens : textTokens + (tokens === 'all' ? images * imageTokens : 0);
  const operations = 2 * params[model] * 1e9 * seen * (forward + 2 * backward) * rows;
  return operations / (peak * utilisation) / 3600;
}
