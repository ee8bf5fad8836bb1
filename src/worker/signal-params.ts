import { z } from 'zod';

/** Options of signals as the worker takes them: all of them, without defaults. The signals' own schemas have those. */
const NONE = z.strictObject({});
const BLIND = z.enum(['masked', 'drop', 'remove']);
const LAYERS = z.array(z.int().nonnegative()).describe('decoder layers from 0; empty: those of the method');
const GRADIENT = {
  parameters: z.enum(['auto', 'lora', 'weights']),
  rank: z.int().positive().describe('of fresh adapters'),
  targets: z.array(z.string()).min(1),
  dims: z.int().positive(),
  projection: z.enum(['rademacher', 'normal', 'sketch']),
  seed: z.int().nonnegative().max(0xffffffff),
};
const TEXT = z.strictObject({ text: z.enum(['instruction', 'response', 'both']) });

const SIGNAL_PARAMS = {
  loss: z.strictObject({
    blind: z.array(BLIND),
    perToken: z.boolean(),
    direct: z.boolean(),
    imageOnly: z.boolean(),
  }),
  'loss-trajectory': NONE,
  'error-norm': NONE,
  attention: z.strictObject({
    variant: z.enum(['paper', 'official']),
    rows: z.enum(['all', 'instruction', 'answer']),
  }),
  hidden: z.strictObject({ pool: z.enum(['mean', 'text', 'answer', 'last']) }),
  rds: NONE,
  coincide: z.strictObject({ layers: LAYERS }),
  visual: z.strictObject({ layer: z.int().nonnegative().describe('0: as the connector gives them') }),
  scalselect: z.strictObject({ share: z.number().min(0).max(1) }),
  magic: z.strictObject({ layers: LAYERS, neurons: z.array(z.int().positive()) }),
  datatailor: NONE,
  dics: z.strictObject({ blind: BLIND, functionWords: z.number().min(0).max(1) }),
  cvs: NONE,
  gradients: z.strictObject({ ...GRADIENT, gradient: z.enum(['sgd', 'adam']), layers: LAYERS }),
  'last-gradient': z.strictObject(GRADIENT),
  'image-embedding': NONE,
  dino: NONE,
  'clip-embedding': TEXT,
  'text-embedding': TEXT,
} as const;
type WorkerSignal = keyof typeof SIGNAL_PARAMS;

/** A signal of a job with all of its options. */
const known = Object.entries(SIGNAL_PARAMS).map(([name, params]) => z.strictObject({ name: z.literal(name), params }));
export const SignalRequest = z.discriminatedUnion('name', known as [(typeof known)[number], ...typeof known]);
export type SignalRequest = z.infer<typeof SignalRequest>;

/** What the worker is told of a signal, from the signal's own options with its defaults filled in. */
export function signalRequest(name: string, options: Readonly<Record<string, unknown>>): SignalRequest {
  const keys = Object.keys(SIGNAL_PARAMS[name as WorkerSignal]?.shape ?? {});
  return SignalRequest.parse({ name, params: Object.fromEntries(keys.map((key) => [key, options[key]])) });
}
