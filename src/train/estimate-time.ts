import { measuredTime, NOTHING, type TimeEstimate } from '../cost/time.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { deviceNamed, firstRows, readingTime } from '../signals/engine/estimate-time.ts';
import type { Project } from '../store/project.ts';
import type { ProxyRecipe } from './recipe.ts';

/** A backward pass takes two forward passes; activations that are computed twice take one more. */
const PASSES = { usual: 3, checkpointed: 4 };

/** Facts of a finished training, for the lineage: the time of later ones is estimated from them. */
export function trainingFacts(options: ProxyRecipe, stepsDone: number, seconds: number): Record<string, unknown> {
  return { speed: speedKey(options), rowsTrained: stepsDone * options.batch, seconds };
}

/** The time of the steps that are left: by the rate of earlier runs of the same model and options, else by its size. */
export async function trainingTime(
  project: Project,
  dataset: Dataset,
  rows: readonly number[],
  { folder, options, stepsLeft }: { folder: string; options: ProxyRecipe; stepsLeft: number },
): Promise<TimeEstimate> {
  if (stepsLeft === 0) return NOTHING;
  const passes = options.gradientCheckpointing ? PASSES.checkpointed : PASSES.usual;
  const work = { rows: Math.min(stepsLeft * options.batch, rows.length * options.epochs), passes };
  const earlier = (await project.lineage()).flatMap(({ kind, about }) => {
    const { speed, rowsTrained, seconds } = about;
    const isSame = kind === 'train' && speed === speedKey(options);
    return isSame && typeof rowsTrained === 'number' && typeof seconds === 'number'
      ? [{ rows: rowsTrained, passes, seconds }]
      : [];
  });
  const measured = measuredTime(work, earlier);
  if (measured !== undefined) return measured;
  const samples = await firstRows(dataset, rows);
  return readingTime({ ...work, folder, model: options.model, samples, device: await deviceNamed(options.device) });
}

/** The options on which the speed of a step depends. */
function speedKey({ model, train, device, dtype, microBatch, gradientCheckpointing }: ProxyRecipe): string {
  return JSON.stringify([model, [...train].sort(), device, dtype, microBatch, gradientCheckpointing]);
}
