import { z } from 'zod';
import { SignalRequest } from './signal-params.ts';

const Output = z.strictObject({
  signal: z.string().describe('name of the signal whose columns go into this file'),
  path: z.string().describe('where the shard belongs'),
  key: z.string().describe('SHA-256 of all that its numbers depend on'),
  measures: z.record(z.string(), z.string()).describe('one sentence a column'),
  prints: z
    .string()
    .optional()
    .describe(
      'file of what the rows are measured of: 16 bytes for the signal, then 16 a row, for the end of the shard',
    ),
});

const Shard = z.strictObject({
  start: z.int().nonnegative(),
  end: z.int().positive(),
  ids: z.array(z.string()).describe('ids of rows start to end'),
  samples: z.string().describe('JSON lines: row, id, messages, images, and an error where the row is known to be bad'),
  outputs: z.array(Output).min(1),
});

/**
 * What the worker is told to do: measure signals on rows, writing whole shards. The same schema is checked on both
 * sides.
 */
const Job = z.strictObject({
  kind: z.literal('signals'),
  model: z.strictObject({
    path: z.string().describe('folder with config.json, the processor and safetensors'),
    checkpoints: z.array(z.strictObject({ name: z.string(), path: z.string() })),
  }),
  media_root: z.string().describe('folder that relative paths of images start in'),
  device: z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/),
  dtype: z.enum(['float32', 'bfloat16', 'float16']),
  batch: z.int().positive().describe('rows a forward pass; halved where they do not fit'),
  threads: z.int().nonnegative().describe('CPU threads; 0: as PyTorch chooses'),
  folder: z.string().describe('work folder'),
  parts: z.string().describe('folder of what single checkpoints gave to shards that are not finished'),
  signals: z.array(SignalRequest).min(1),
  shards: z.array(Shard),
});
export type Job = z.infer<typeof Job>;

/** What the worker is told to do: train a model step by step as a plan says. */
const TrainJob = z.strictObject({
  kind: z.literal('train'),
  model: z.strictObject({ path: z.string().describe('folder with config.json, the processor and safetensors') }),
  media_root: z.string().describe('folder that relative paths of images start in'),
  samples: z.string().describe('JSON lines: row, id, messages, images, and an error where the row is known to be bad'),
  plan: z
    .string()
    .describe(
      'JSON lines, one a step: step (from 1), rate, micro (places of samples, by micro-batch), checkpoint and meanRate (of the steps since the one before)',
    ),
  device: z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/),
  dtype: z.enum(['float32', 'bfloat16']).describe('bfloat16: mixed precision, and checkpoints in it'),
  threads: z.int().nonnegative().describe('CPU threads; 0: as PyTorch chooses'),
  folder: z.string().describe('the run: checkpoints, their index, and the state to go on from'),
  recipe: z.strictObject({
    train: z.array(z.enum(['vision', 'connector', 'language'])).min(1),
    micro_batch: z.int().positive().describe('rows a forward pass; halved where they do not fit'),
    weight_decay: z.number().nonnegative(),
    max_grad_norm: z.number().nonnegative().describe('0: gradients are not clipped'),
    seed: z.int().nonnegative(),
    gradient_checkpointing: z.boolean(),
    optimizer_state: z.boolean().describe("checkpoints carry Adam's moments"),
    save_seconds: z.number().positive().describe('how often the state to go on from is saved between checkpoints'),
  }),
});
export type TrainJob = z.infer<typeof TrainJob>;

const StoredColumn = z.strictObject({
  name: z.string(),
  kind: z.enum(['f32', 'f16']),
  width: z.int().positive(),
  files: z.array(z.string()).describe('shards that hold it'),
});

/** How a scorer is trained; CoIDO's also on a share of the rows, with a hidden layer. */
const TRAINING = {
  epochs: z.int().positive(),
  batch: z.int().min(2).describe('rows whose weights are one softmax'),
  learningRate: z.number().positive(),
  seed: z.int().nonnegative(),
};
const OF_COIDO = { share: z.number().gt(0).max(1), hidden: z.int().positive() };

/** What the worker is told to do: train a scorer on measured columns, and write its score of every row. */
const ScorerJob = z.strictObject({
  kind: z.literal('scorer'),
  scorer: z.string().describe('name of the signal'),
  params: z.union([z.strictObject({ ...TRAINING, ...OF_COIDO }), z.strictObject(TRAINING)]),
  rows: z.int().nonnegative().describe('of the data set'),
  features: z.array(StoredColumn).min(1),
  loss: StoredColumn,
  clusters: z.string().optional().describe('little-endian int32, one a row: its cluster, -1 where it has none'),
  quarantined: z.array(z.strictObject({ row: z.int(), id: z.string(), code: z.string(), reason: z.string() })),
  threads: z.int().nonnegative().describe('CPU threads; 0: as PyTorch chooses'),
  folder: z.string().describe('work folder'),
  shards: z.array(Shard.omit({ samples: true })),
});

/** Every kind of job. */
export const AnyJob = z.discriminatedUnion('kind', [Job, TrainJob, ScorerJob]);
export type AnyJob = z.infer<typeof AnyJob>;

/** What the worker says, one JSON object a line. Fields beyond these are for people. */
export const WorkerEvent = z.discriminatedUnion('t', [
  z.looseObject({ t: z.literal('hello'), versions: z.record(z.string(), z.string()), gpus: z.array(z.string()) }),
  z.looseObject({ t: z.literal('plan'), rows: z.int() }),
  z.looseObject({ t: z.literal('phase'), name: z.string() }),
  z.looseObject({ t: z.literal('progress'), done: z.int(), of: z.int() }),
  z.looseObject({ t: z.literal('shard'), start: z.int(), end: z.int(), rows: z.int(), rows_s: z.number() }),
  z.looseObject({ t: z.literal('step'), n: z.int(), loss: z.number(), lr: z.number(), rows: z.int() }),
  z.looseObject({ t: z.literal('ckpt'), k: z.int(), step: z.int(), path: z.string(), sha256: z.string() }),
  z.looseObject({ t: z.literal('warn'), code: z.string(), msg: z.string() }),
  z.looseObject({ t: z.literal('error'), code: z.string(), msg: z.string(), path: z.string().optional() }),
  z.looseObject({ t: z.literal('done') }),
]);
export type WorkerEvent = z.infer<typeof WorkerEvent>;

/** The JSON Schemas of jobs as they stand in the worker's folder, by file name. */
export function jobSchemas(): Record<string, string> {
  const text = (shape: z.ZodType) => `${JSON.stringify(z.toJSONSchema(shape, { io: 'input' }), null, 2)}\n`;
  return {
    'job.schema.json': text(Job),
    'train.schema.json': text(TrainJob),
    'scorer.schema.json': text(ScorerJob),
  };
}
