import { z } from 'zod';

/** Options of every signal that the Python worker measures. */
export const workerParams = {
  model: z.string().min(1).default('micro-vlm').describe('folder with safetensors, or a shipped model'),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/)
    .default('auto')
    .describe('auto, cpu, cuda or cuda:N'),
  dtype: z.enum(['float32', 'bfloat16', 'float16']).default('float32').describe('of the weights'),
  batch: z.coerce.number().int().positive().default(16).describe('rows a forward pass; halved where they do not fit'),
};

/** Revision of a model by its weights. */
export async function weightsRevision(params: { model: string }, context: { cacheDir?: string }): Promise<string> {
  const { resolveWeights } = await import('../models/source.ts');
  return (await resolveWeights(params.model, context)).revision;
}
