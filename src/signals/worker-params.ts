import { z } from 'zod';
import type { SignalContext } from './signal.ts';

/** Options of every signal that the Python worker measures. */
export const workerParams = {
  model: z
    .string()
    .min(1)
    .default('micro-vlm')
    .describe(
      'a shipped model, a folder with safetensors, a hub id (org/name@revision), or a training run: its last checkpoint',
    ),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/)
    .default('auto')
    .describe('auto, cpu, cuda or cuda:N'),
  dtype: z.enum(['float32', 'bfloat16', 'float16']).default('float32').describe('of the weights'),
  batch: z.coerce.number().int().positive().default(16).describe('rows a forward pass; halved where they do not fit'),
};

/** Options of signals that are measured at T checkpoints. */
export const checkpointParams = {
  checkpoints: z
    .array(z.string().min(1))
    .default([])
    .describe('folders of checkpoints in their order, or the name of a training run: all of its; none: the model'),
};

/** Revision of what the worker opens: the model, and all checkpoints. */
export async function weightsRevision(
  params: { model: string; checkpoints?: string[] },
  context: SignalContext,
): Promise<string> {
  const { weightsOf } = await import('./weights.ts');
  return (await weightsOf(params, context)).revision;
}
