import { z } from 'zod';
import { WinnowError } from '../dataset/errors.ts';
import type { BlindVariant, SampleLoss } from '../models/types.ts';
import type { Column, ColumnSpec } from '../numeric/columns.ts';
import { listColumn, quarantine } from './block.ts';
import { imageLoader } from './images.ts';
import type { Signal, SignalBlock } from './signal.ts';
import { weightsRevision, workerParams } from './worker-params.ts';

const Params = z.object({
  model: z.string().default('micro-vlm').describe('Vision-language model: a shipped name, a folder, or a hub id'),
  by: z
    .enum(['auto', 'process', 'worker'])
    .default('auto')
    .describe(
      'Who computes: process (ONNX graphs), worker (PyTorch weights); auto is process where the model has graphs',
    ),
  blind: z
    .array(z.enum(['masked', 'drop', 'remove']))
    .min(1)
    .refine((all) => new Set(all).size === all.length, 'name each variant once')
    .default(['masked'])
    .describe('How the image is taken away: masked (paper), drop (official code), remove'),
  perToken: z.boolean().default(false).describe('Also keep the loss of every response token'),
  direct: z.boolean().default(false).describe('Also the loss of the answer alone, without question or image (IFD)'),
  imageOnly: z.boolean().default(false).describe('Also the loss of the answer after the image alone (PreSel)'),
  device: workerParams.device,
  dtype: workerParams.dtype,
  batch: workerParams.batch,
});
export type LossParams = z.infer<typeof Params>;

/** Column of a blind variant: `nll_blind_masked`, `necessity_masked`, `token_blind_masked`. */
function blindColumn(what: 'nll_blind' | 'necessity' | 'token_blind', variant: BlindVariant): string {
  return `${what}_${variant}`;
}

function columns(params: LossParams): ColumnSpec[] {
  const specs: ColumnSpec[] = [
    { name: 'nll_mm', kind: 'f32', measures: 'mean response loss with the image, nats/token' },
    { name: 'response_tokens', kind: 'i32', measures: 'response positions the mean is over (end of turn included)' },
  ];
  for (const variant of params.blind) {
    specs.push(
      {
        name: blindColumn('nll_blind', variant),
        kind: 'f32',
        measures: `mean response loss without the image (${variant}), nats/token`,
      },
      {
        name: blindColumn('necessity', variant),
        kind: 'f32',
        measures: `visual necessity S = blind (${variant}) - with the image, nats/token`,
      },
    );
  }
  if (params.direct) {
    specs.push({ name: 'nll_direct', kind: 'f32', measures: 'mean response loss of the answer alone, nats/token' });
  }
  if (params.imageOnly) {
    specs.push({
      name: 'nll_image_only',
      kind: 'f32',
      measures: 'mean response loss after the image alone, nats/token',
    });
  }
  if (params.perToken) {
    specs.push({ name: 'token_mm', kind: 'list', measures: 'loss of each response token with the image, nats' });
    for (const variant of params.blind) {
      specs.push({
        name: blindColumn('token_blind', variant),
        kind: 'list',
        measures: `loss of each response token without the image (${variant}), nats`,
      });
    }
    specs.push({ name: 'token_texts', kind: 'text', measures: 'the response tokens, a JSON array of strings' });
  }
  return specs;
}

/** Losses of a shard as columns. A failed row is NaN everywhere and quarantined with its reason. */
function toColumns(losses: readonly (SampleLoss | null)[], params: LossParams): Record<string, Column> {
  const scalar = (read: (loss: SampleLoss & { ok: true }) => number): Column => ({
    kind: 'f32',
    width: 1,
    data: Float32Array.from(losses, (loss) => (loss?.ok ? read(loss) : Number.NaN)),
  });
  const blind = (loss: SampleLoss & { ok: true }, variant: BlindVariant) => loss.blind[variant] ?? loss.multimodal;
  const result: Record<string, Column> = {
    nll_mm: scalar((loss) => loss.multimodal.mean),
    response_tokens: { kind: 'i32', width: 1, data: Int32Array.from(losses, (loss) => (loss?.ok ? loss.tokens : 0)) },
  };
  for (const variant of params.blind) {
    result[blindColumn('nll_blind', variant)] = scalar((loss) => blind(loss, variant).mean);
    // S = L_blind - L_mm  (VisNec, eq. 3)
    result[blindColumn('necessity', variant)] = scalar((loss) => blind(loss, variant).mean - loss.multimodal.mean);
  }
  if (params.perToken) {
    result.token_mm = listColumn(losses.map((loss) => (loss?.ok ? loss.multimodal.perToken : undefined)));
    for (const variant of params.blind) {
      result[blindColumn('token_blind', variant)] = listColumn(
        losses.map((loss) => (loss?.ok ? blind(loss, variant).perToken : undefined)),
      );
    }
    result.token_texts = {
      kind: 'text',
      width: 1,
      data: losses.map((loss) => (loss?.ok && loss.tokenTexts !== undefined ? JSON.stringify(loss.tokenTexts) : null)),
    };
  }
  return result;
}

/** The worker where it is asked for, where only it can, and where a model comes without graphs. */
async function chosen(params: LossParams): Promise<'process' | 'worker'> {
  const torch = params.direct || params.imageOnly || params.dtype !== 'float32';
  if (params.by === 'process' && torch) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: 'direct, imageOnly and dtype are computed by the worker only',
      hint: 'Leave out --by process.',
      exitCode: 2,
    });
  }
  if (params.by !== 'auto') return params.by;
  if (torch) return 'worker';
  const { hasGraphs } = await import('../models/source.ts');
  return (await hasGraphs(params.model)) ? 'process' : 'worker';
}

/** Response loss with the image and without it, and their difference, visual necessity (VisNec, arXiv 2603.01195). */
export const loss: Signal<LossParams> = {
  name: 'loss',
  version: 1,
  title: 'Response losses and visual necessity',
  measures:
    'Mean negative log-likelihood of the response with the image and without it. Necessity is the difference: how much the image helps. Negative: the image contradicts the answer.',
  source: 'VisNec (arXiv 2603.01195), section 3; spec: response tokens only, all turns in one flat mean',
  by: ['process', 'worker'],
  params: Params,
  cost: (params) =>
    `1 image encoding and ${1 + params.blind.length + Number(params.direct) + Number(params.imageOnly)} forward passes a sample`,
  columns,
  shardRows: 512,
  readsMedia: true,
  chosen,
  async revision(params, context) {
    if ((await chosen(params)) === 'worker') return weightsRevision(params, context);
    const { resolveModel } = await import('../models/source.ts');
    return (await resolveModel(params.model, context)).revision;
  },
  key: ({ blind, perToken, direct, imageOnly, dtype }) => ({
    blind,
    perToken,
    ...(direct || imageOnly ? { direct, imageOnly } : {}),
    ...(dtype === 'float32' ? {} : { dtype }),
  }),
  async open(params, context) {
    const { resolveModel } = await import('../models/source.ts');
    const { loadVlm } = await import('../models/vlm/load.ts');
    const model = await loadVlm(await resolveModel(params.model, context));
    const loadImage = imageLoader(context.dataset);
    return {
      async compute(batch): Promise<SignalBlock> {
        const present = batch.samples.flatMap((sample, i) => (sample === null ? [] : [{ sample, i }]));
        const computed = await model.losses({
          samples: present.map((item) => item.sample),
          loadImage,
          blind: params.blind,
          perToken: params.perToken,
          ...(context.signal === undefined ? {} : { signal: context.signal }),
        });
        const losses: (SampleLoss | null)[] = batch.samples.map(() => null);
        present.forEach(({ i }, j) => {
          losses[i] = computed[j] ?? null;
        });
        return {
          columns: toColumns(losses, params),
          quarantined: quarantine(batch, (i) => {
            const one = losses[i];
            return one && !one.ok ? one : undefined;
          }),
        };
      },
      close: () => model.close(),
    };
  },
};
