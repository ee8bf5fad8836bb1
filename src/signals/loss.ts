import { z } from 'zod';
import type { BlindVariant, SampleLoss } from '../models/types.ts';
import type { Column, ColumnSpec } from '../numeric/columns.ts';
import { listColumn, quarantine } from './block.ts';
import { imageLoader } from './images.ts';
import type { Signal, SignalBlock } from './signal.ts';

const Params = z.object({
  model: z.string().default('micro-vlm').describe('Vision-language model: a shipped name, a folder, or a hub id'),
  blind: z
    .array(z.enum(['masked', 'drop', 'remove']))
    .min(1)
    .refine((all) => new Set(all).size === all.length, 'name each variant once')
    .default(['masked'])
    .describe('How the image is taken away: masked (paper), drop (official code), remove'),
  perToken: z.boolean().default(false).describe('Also keep the loss of every response token'),
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

/** Response loss with the image and without it, and their difference, visual necessity (VisNec, arXiv 2603.01195). */
export const loss: Signal<LossParams> = {
  name: 'loss',
  version: 1,
  title: 'Response losses and visual necessity',
  measures:
    'Mean negative log-likelihood of the response with the image and without it. Necessity is the difference: how much the image helps. Negative: the image contradicts the answer.',
  source: 'VisNec (arXiv 2603.01195), section 3; spec: response tokens only, all turns in one flat mean',
  by: ['process'],
  params: Params,
  cost: (params) => `1 image encoding and ${1 + params.blind.length} forward passes a sample`,
  columns,
  shardRows: 512,
  readsMedia: true,
  async revision(params, context) {
    const { resolveModel } = await import('../models/source.ts');
    return (await resolveModel(params.model, context)).revision;
  },
  key: (params) => ({ blind: params.blind, perToken: params.perToken }),
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
