import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { onCode } from '../../base/on-code.ts';
import { checkpointPaths } from '../../signals/engine/weights.ts';
import type { Project } from '../../store/project.ts';
import type { ColumnOrigin } from './column-origin.ts';

/**
 * What our trainer notes beside a checkpoint's weights. Other trainers write a file of that name too, without this
 * number.
 */
const TrainerState = z.object({ mean_learning_rate: z.number().nonnegative() });

/**
 * Mean learning rate of the steps that led to the checkpoint where a column of gradients was measured, from the
 * checkpoint's `trainer_state.json`.
 *
 * @param from where columns came from, by their names: `gradient_2` is of the second checkpoint that was named
 * @returns rates by column; a column is missing where its checkpoint is not of our trainer, or gone
 */
export async function checkpointRates(
  project: Project,
  from: Readonly<Record<string, ColumnOrigin>>,
): Promise<Record<string, number>> {
  const rates: Record<string, number> = {};
  for (const [name, { signal, about, column = name }] of Object.entries(from)) {
    const place = signal === 'gradients' ? /^gradient_(\d+)/.exec(column)?.[1] : undefined;
    const { checkpoints = [] } = (about.params ?? {}) as { checkpoints?: string[] };
    if (place === undefined || checkpoints.length === 0) continue;
    const paths = await checkpointPaths(checkpoints, project).catch(onCode(GONE, []));
    const path = paths[Number(place) - 1];
    const rate = path === undefined ? undefined : await meanRate(path);
    if (rate !== undefined) rates[name] = rate;
  }
  return rates;
}

/** Of a run that was moved away since, or is made anew. */
const GONE = ['CHECKPOINT_UNKNOWN', 'RUN_UNKNOWN', 'RUN_UNFINISHED'];

async function meanRate(checkpoint: string): Promise<number | undefined> {
  const text = await readFile(join(checkpoint, 'trainer_state.json'), 'utf8').catch(
    onCode(['ENOENT', 'ENOTDIR'], 'null'),
  );
  return TrainerState.safeParse(JSON.parse(text)).data?.mean_learning_rate;
}
