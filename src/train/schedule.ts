import { createHash } from 'node:crypto';
import { WinnowError } from '../base/errors.ts';

/**
 * Steps after which T checkpoints are saved, evenly spaced and the last at the end: round-half-up(k S / T), in whole
 * numbers (a ratio of save steps, as trainers offer it, leaves the last interval short).
 *
 * @throws WinnowError `TOO_FEW_STEPS` where T > S
 */
export function checkpointSteps(steps: number, checkpoints: number): number[] {
  if (checkpoints > steps) {
    throw new WinnowError({
      code: 'TOO_FEW_STEPS',
      message: `${checkpoints} checkpoints need at least as many steps, and this run has ${steps}.`,
      hint: 'Ask for fewer --checkpoints, a smaller --batch, or more --epochs.',
      exitCode: 2,
    });
  }
  return Array.from({ length: checkpoints }, (_, i) =>
    Math.floor((2 * (i + 1) * steps + checkpoints) / (2 * checkpoints)),
  );
}

/**
 * Order of an epoch: places of the ids sorted by the hex SHA-256 of `<seed>:<epoch>:<id>`, ties by id. It is the same
 * on every machine.
 */
export function sampleOrder(ids: readonly string[], seed: number, epoch: number): number[] {
  const keys = ids.map((id) => createHash('sha256').update(`${seed}:${epoch}:${id}`).digest('hex'));
  return ids.map((_, i) => i).sort((a, b) => compare(keys[a]!, keys[b]!) || compare(ids[a]!, ids[b]!));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface Layout {
  /** B: samples that one process passes through the model at once. */
  microBatch: number;
  /** N: processes. */
  ranks: number;
  /** G: micro-batches a process gathers before it steps. */
  accumulate: number;
  /** What is left at the end of an epoch makes a short step, or none. @default kept */
  tail?: 'kept' | 'dropped';
}

/** One micro-batch of one process: places in the order of the epoch. Steps count from 1. */
export interface MicroBatch<Item> {
  step: number;
  micro: number;
  rank: number;
  items: Item[];
}

/** An epoch's order cut into steps: micro-batch g of rank r takes the B samples from (g N + r) B of its step. */
export function layOut<Item>(order: readonly Item[], layout: Layout): { batches: MicroBatch<Item>[]; tail: Item[] } {
  const { microBatch: B, ranks: N, accumulate: G } = layout;
  const size = B * N * G;
  const full = Math.floor(order.length / size);
  const batches: MicroBatch<Item>[] = [];
  const cut = (step: number, from: number, to: number) => {
    for (let g = 0; g < G; g++)
      for (let r = 0; r < N; r++) {
        const start = from + (g * N + r) * B;
        const items = order.slice(start, Math.min(start + B, to));
        if (items.length > 0) batches.push({ step, micro: g, rank: r, items });
      }
  };
  for (let step = 0; step < full; step++) cut(step + 1, step * size, (step + 1) * size);
  const tail = order.slice(full * size);
  if (tail.length > 0 && layout.tail !== 'dropped') cut(full + 1, full * size, order.length);
  return { batches, tail };
}

/** Learning rate of a step (from 1): a linear rise over the warm-up, then constant or half a cosine down to nothing. */
export function learningRate(
  step: number,
  steps: number,
  options: { peak: number; warmup: number; schedule: 'cosine' | 'constant' },
): number {
  const warm = Math.ceil(options.warmup * steps);
  // As transformers' schedulers count: the first step of a warm-up has rate 0.
  const done = step - 1;
  if (done < warm) return (options.peak * done) / Math.max(1, warm);
  if (options.schedule === 'constant') return options.peak;
  const part = (done - warm) / Math.max(1, steps - warm);
  return options.peak * 0.5 * (1 + Math.cos(Math.PI * part));
}
