import { z } from 'zod';
import type { ColumnSpec } from '../../numeric/columns.ts';
import type { Pass } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { atEach } from './loss-trajectory.ts';
import { checkpointParams, weightsRevision, workerParams } from './worker-params.ts';

/** What a gradient is taken of, and how it is projected: on both sides of a comparison the same. */
export const gradientParams = {
  parameters: z
    .enum(['auto', 'lora', 'weights'])
    .default('auto')
    .describe(
      'lora: adapters of the checkpoint, else fresh seeded ones; weights: the target layers themselves; auto: weights where a checkpoint without adapters has an optimizer state',
    ),
  rank: z.coerce.number().int().positive().default(16).describe('of fresh adapters'),
  targets: z
    .array(z.string().min(1))
    .min(1)
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj'])
    .describe('names of linear layers of the language model (a checkpoint with adapters: those that it has)'),
  dims: z.coerce.number().int().positive().max(65536).default(8192).describe('numbers of a projected gradient'),
  projection: z
    .enum(['rademacher', 'normal', 'sketch'])
    .default('rademacher')
    .describe(
      'random matrix: of +-1, Gaussian, or a sketch, where each number goes to one place with a sign, which is thousands of times cheaper',
    ),
  seed: z.coerce
    .number()
    .int()
    .nonnegative()
    .max(0xffffffff)
    .default(0)
    .describe('of the projection and of fresh adapters'),
};

const Params = z.object({
  ...workerParams,
  ...checkpointParams,
  gradient: z
    .enum(['sgd', 'adam'])
    .default('sgd')
    .describe('sgd: plain; adam: the step that the optimizer of the checkpoint would take (LESS, for the pool)'),
  ...gradientParams,
  layers: z
    .array(z.coerce.number().int().nonnegative())
    .default([])
    .describe('a vector for each of these decoder layers (counted from 0) instead of one for all (DataInf)'),
});
export type GradientsParams = z.infer<typeof Params>;

function columns({ layers, dims, gradient, checkpoints }: GradientsParams): ColumnSpec[] {
  const of = gradient === 'adam' ? 'Adam step' : 'gradient of the mean response loss';
  const one = (name: string, where: string): ColumnSpec => ({
    name,
    kind: 'f16',
    width: dims,
    measures: `${of}, ${where}, projected at random to ${dims} numbers, nats/token per unit of weight`,
  });
  // A run's name says nothing of how many checkpoints it has; the worker names what it measures.
  return Array.from({ length: Math.max(1, checkpoints.length) }, (_, c) =>
    layers.length === 0
      ? [one(`gradient_${c + 1}`, 'all target layers')]
      : layers.map((layer) => one(`gradient_${c + 1}_layer_${layer}`, `layer ${layer}`)),
  ).flat();
}

const WARM_UP: Pass = {
  name: 'less-warm-up',
  what: '4 epochs of LoRA on 5 % of the data',
  model: 'target',
  forward: 4,
  backward: 4,
  share: 0.05,
};
const gradientAt = (checkpoint: number): Pass => ({
  name: `gradient-${checkpoint}`,
  what: `gradient at checkpoint ${checkpoint}`,
  model: 'target',
  forward: 1,
  backward: 1,
});

/** Projected gradients of each sample's loss (LESS, ICONS, DataInf). */
export const gradients: Signal<GradientsParams> = {
  name: 'gradients',
  order: 200,
  version: 3,
  title: 'Projected gradients',
  measures:
    'The gradient of each sample’s response loss with respect to adapters or weights, projected at random with a seed. Lengths and angles are kept in expectation; vectors are not scaled to length 1.',
  source: 'LESS (arXiv 2402.04333), section 3; TRAK (arXiv 2303.14186) for the projection',
  by: ['worker'],
  params: Params,
  cost: ({ checkpoints }) => `1 image encoding, 1 forward and 1 backward pass a sample ${atEach(checkpoints)}`,
  columns,
  passes: (column) => [WARM_UP, gradientAt(Number(/^gradient_(\d+)/.exec(column)?.[1] ?? 1))],
  proxy: 'checkpoints',
  shardRows: 256,
  readsMedia: true,
  revision: weightsRevision,
  key: ({ gradient, parameters, rank, targets, dims, projection, seed, layers, dtype }) => ({
    gradient,
    parameters,
    rank,
    targets,
    dims,
    projection,
    seed,
    layers,
    dtype,
  }),
};
