import { z } from 'zod';
import type { SignalContext } from '../signal.ts';

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

/** Options of signals of an encoder, which this process and the worker can measure. */
export const encoderParams = {
  by: z
    .enum(['auto', 'process', 'worker'])
    .default('auto')
    .describe('process (ONNX graphs), worker (PyTorch weights); auto is process where the encoder has graphs'),
  device: workerParams.device,
  dtype: workerParams.dtype,
  batch: z.int().positive().default(64).describe('of the worker: images or texts a pass; halved where they do not fit'),
};

interface EncoderParams extends Record<string, unknown> {
  by: 'auto' | 'process' | 'worker';
  dtype: string;
}

/** Who measures a signal of an encoder. `encoder`: a name, a folder or a hub id. */
export async function encodedBy(
  encoder: string,
  { by, dtype }: EncoderParams,
  context: SignalContext,
): Promise<'process' | 'worker'> {
  if (by !== 'auto') return by;
  if (dtype !== 'float32') return 'worker';
  const { hasGraphs } = await import('../../models/source.ts');
  return (await hasGraphs(encoder, context)) ? 'process' : 'worker';
}

/** Revision of an encoder as whoever measures opens it. */
export async function encoderRevision(encoder: string, params: EncoderParams, context: SignalContext): Promise<string> {
  const { resolveModel, resolveWeights } = await import('../../models/source.ts');
  const resolve = (await encodedBy(encoder, params, context)) === 'worker' ? resolveWeights : resolveModel;
  return (await resolve(encoder, context)).revision;
}

/** The number format, where it is another than the usual one. */
export const ofDtype = ({ dtype }: { dtype: string }): Record<string, unknown> =>
  dtype === 'float32' ? {} : { dtype };

/** Options of signals that are measured at T checkpoints. */
export const checkpointParams = {
  checkpoints: z
    .array(z.string().min(1))
    .default([])
    .describe('folders of checkpoints in their order, or the name of a training run: all of its; none: the model'),
};

/** Options of all signals that have them: of the model, and where over its training they are measured. */
export const SharedParams = z.strictObject({ ...workerParams, ...checkpointParams });

/** Revision of what the worker opens: the model, and all checkpoints. */
export async function weightsRevision(
  params: { model: string; checkpoints?: string[] },
  context: SignalContext,
): Promise<string> {
  const { weightsOf } = await import('../engine/weights.ts');
  return (await weightsOf(params, context)).revision;
}
