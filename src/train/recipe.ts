import { z } from 'zod';

/**
 * How a proxy is tuned: all of the connector and the language model for one epoch, with T evenly spaced checkpoints.
 * Defaults are those of the published proxies (LLaVA's second stage: XMAS, arXiv 2510.01454; COINCIDE, arXiv
 * 2406.10995).
 */
export const ProxyRecipe = z.strictObject({
  model: z.string().min(1).default('micro-vlm').describe('folder with safetensors, or a shipped model'),
  checkpoints: z.coerce.number().int().min(1).default(7).describe('T, evenly spaced; the last is the end of the run'),
  epochs: z.coerce.number().int().min(1).default(1).describe('times that every sample is seen'),
  batch: z.coerce.number().int().min(1).default(128).describe('samples a step'),
  microBatch: z.coerce
    .number()
    .int()
    .min(1)
    .default(16)
    .describe('samples a forward pass; halved where they do not fit'),
  learningRate: z.coerce.number().positive().default(2e-5).describe('at its peak'),
  schedule: z.enum(['cosine', 'constant']).default('cosine').describe('of the learning rate after the warm-up'),
  warmup: z.coerce.number().min(0).max(1).default(0.03).describe('share of the steps in which the rate rises'),
  weightDecay: z.coerce.number().min(0).default(0).describe('of matrices, not of norms and biases'),
  maxGradNorm: z.coerce.number().min(0).default(1).describe('longer gradients are cut to this length; 0: never'),
  train: z
    .array(z.enum(['vision', 'connector', 'language']))
    .min(1)
    .default(['connector', 'language'])
    .describe('components that learn; the others are frozen'),
  optimizerState: z.boolean().default(false).describe("checkpoints carry Adam's moments, which LESS and ICONS use"),
  gradientCheckpointing: z.boolean().default(false).describe('save memory, compute activations twice'),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, 'is auto, cpu, cuda or cuda:N')
    .default('auto')
    .describe('auto, cpu, cuda or cuda:N'),
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('bfloat16 is mixed precision'),
});
export type ProxyRecipe = z.infer<typeof ProxyRecipe>;

/** Recipes by name. */
export const recipes = { proxy: ProxyRecipe } as const;
