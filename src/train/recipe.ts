import { z } from 'zod';

/**
 * How a proxy is tuned: all of the connector and the language model for one epoch, with T evenly spaced checkpoints.
 * Defaults are those of the published proxies (LLaVA's second stage: XMAS, arXiv 2510.01454; COINCIDE, arXiv
 * 2406.10995).
 */
export const ProxyRecipe = z.strictObject({
  model: z.string().min(1).default('micro-vlm').describe('folder with safetensors, or a shipped model'),
  checkpoints: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('T, evenly spaced; the last is the end of the run (default: 7, and no more than there are steps)'),
  epochs: z.coerce.number().int().min(1).default(1).describe('times that every sample is seen'),
  batch: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('samples a step (default: 128, halved until there are two steps a checkpoint)'),
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
export type ProxyRecipe = Required<z.infer<typeof ProxyRecipe>>;

/** Of the published proxies. */
const CHECKPOINTS = 7;
const BATCH = 128;
/** Fewer steps between checkpoints would show little of a training. */
const STEPS_A_CHECKPOINT = 2;

/**
 * A recipe with what follows the size of the data, where it isn't given: small data get a smaller batch, so that there
 * are steps for the checkpoints, and at last fewer checkpoints.
 *
 * @returns also a sentence on what became of the published defaults, where they didn't fit
 */
export function fitToData(given: z.infer<typeof ProxyRecipe>, rows: number): { recipe: ProxyRecipe; note?: string } {
  const stepsOf = (batch: number): number => given.epochs * Math.ceil(rows / batch);
  const wanted = given.checkpoints ?? CHECKPOINTS;
  let batch = given.batch ?? BATCH;
  if (given.batch === undefined) while (batch > 1 && stepsOf(batch) < STEPS_A_CHECKPOINT * wanted) batch /= 2;
  const steps = stepsOf(batch);
  const checkpoints = given.checkpoints ?? Math.max(1, Math.min(CHECKPOINTS, steps));
  const changed = [
    ...(given.batch === undefined && batch !== BATCH ? [`--batch ${batch} in place of ${BATCH}`] : []),
    ...(checkpoints !== wanted ? [`--checkpoints ${checkpoints} in place of ${CHECKPOINTS}`] : []),
  ];
  const note = `${rows} rows are few for the published proxies' defaults: this run takes ${changed.join(' and ')} (${steps} steps).`;
  return { recipe: { ...given, batch, checkpoints }, note: changed.length === 0 ? undefined : note };
}

/** Recipes by name. */
export const recipes = { proxy: ProxyRecipe } as const;
