import { z } from 'zod';

const Output = z.strictObject({
  signal: z.string().describe('name of the signal whose columns go into this file'),
  path: z.string().describe('where the shard belongs'),
  key: z.string().describe('SHA-256 of all that its numbers depend on'),
  measures: z.record(z.string(), z.string()).default({}).describe('one sentence a column'),
});

const Shard = z.strictObject({
  start: z.int().nonnegative(),
  end: z.int().positive(),
  ids: z.array(z.string()).describe('ids of rows start to end'),
  samples: z.string().describe('JSON lines: row, id, messages, images, and an error where the row is known to be bad'),
  outputs: z.array(Output).min(1),
});

/** What the worker is told to do: measure signals on rows, writing whole shards. The same schema is checked on both sides. */
export const Job = z.strictObject({
  kind: z.literal('signals'),
  model: z.strictObject({
    path: z.string().describe('folder with config.json, the processor and safetensors'),
    checkpoints: z.array(z.strictObject({ name: z.string(), path: z.string() })).default([]),
  }),
  media_root: z.string().default('').describe('folder that relative paths of images start in'),
  device: z.string().regex(/^(auto|cpu|cuda(:\d+)?)$/),
  dtype: z.enum(['float32', 'bfloat16', 'float16']),
  batch: z.int().positive().describe('rows a forward pass; halved where they do not fit'),
  threads: z.int().nonnegative().default(0).describe('CPU threads; 0: as PyTorch chooses'),
  folder: z.string().describe('work folder: parts of unfinished shards'),
  signals: z.array(z.strictObject({ name: z.string(), params: z.record(z.string(), z.unknown()) })).min(1),
  shards: z.array(Shard),
});
export type Job = z.infer<typeof Job>;

/** What the worker says, one JSON object a line. Fields beyond these are for people. */
export const WorkerEvent = z.discriminatedUnion('t', [
  z.looseObject({ t: z.literal('hello'), versions: z.record(z.string(), z.string()), gpus: z.array(z.string()) }),
  z.looseObject({ t: z.literal('plan'), shards: z.int(), rows: z.int() }),
  z.looseObject({ t: z.literal('phase'), name: z.string() }),
  z.looseObject({ t: z.literal('shard'), start: z.int(), end: z.int(), rows: z.int(), rows_s: z.number() }),
  z.looseObject({ t: z.literal('warn'), code: z.string(), msg: z.string() }),
  z.looseObject({ t: z.literal('error'), code: z.string(), msg: z.string() }),
  z.looseObject({ t: z.literal('done') }),
]);
export type WorkerEvent = z.infer<typeof WorkerEvent>;

/** The job's JSON Schema as it stands in the worker's folder. */
export function jobSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(Job, { io: 'input' }), null, 2)}\n`;
}
