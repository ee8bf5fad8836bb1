import { z } from 'zod';
import { serverOptions } from '../http/options.ts';
import { HTTP_VARIANTS, IN_PROCESS_VARIANTS } from './row-loss.ts';
import { workerParams } from './worker-params.ts';

const SERVER_ONLY = (Object.keys(serverOptions) as (keyof typeof serverOptions)[]).filter((name) => name !== 'server');

/** Options of the signal `loss`; which belong to whom of those who can compute it is checked here. */
export const LossParams = z
  .strictObject({
    model: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Vision-language model: a shipped name, a folder, or a hub id (default: micro-vlm); with --server the name it is served under, where it serves several',
      ),
    by: z
      .enum(['auto', 'process', 'worker'])
      .default('auto')
      .describe(
        'Who computes without --server: process (ONNX graphs), worker (PyTorch weights); auto is process where the model has graphs',
      ),
    blind: z
      .array(z.enum([...IN_PROCESS_VARIANTS, ...HTTP_VARIANTS]))
      .min(1)
      .refine((all) => new Set(all).size === all.length, 'name each variant once')
      .optional()
      .describe(
        'How the image is taken away: masked (paper, default), drop (official code), remove; by a server http-drop (default), http-grey',
      ),
    perToken: z.boolean().default(false).describe('Also keep the loss of every response token'),
    direct: z.boolean().default(false).describe('Also the loss of the answer alone, without question or image (IFD)'),
    imageOnly: z.boolean().default(false).describe('Also the loss of the answer after the image alone (PreSel)'),
    device: workerParams.device,
    dtype: workerParams.dtype,
    batch: workerParams.batch,
    ...serverOptions,
  })
  .transform(({ blind, model, ...rest }) => ({
    ...rest,
    blind: blind ?? [rest.server === undefined ? ('masked' as const) : ('http-drop' as const)],
    model: model ?? (rest.server === undefined ? 'micro-vlm' : undefined),
  }))
  .superRefine((params, { addIssue }) => {
    const fault = (path: string, message: string): void => addIssue({ code: 'custom', path: [path], message });
    const isServed = params.server !== undefined;
    const able: readonly string[] = isServed ? HTTP_VARIANTS : IN_PROCESS_VARIANTS;
    const unable = params.blind.find((variant) => !able.includes(variant));
    if (unable !== undefined) {
      const why = isServed ? 'a server can not mask positions' : 'it is a variant of --server';
      fault('blind', `"${unable}" can't be had: ${why}; use ${able.join(', ')}`);
    }
    const others = isServed ? notOverHttp(params) : SERVER_ONLY;
    for (const name of others)
      if (params[name] !== undefined) fault(name, `goes ${isServed ? 'without' : 'with'} --server only`);
  });
export type LossParams = z.infer<typeof LossParams>;

/** Options that are given and that a server can't follow. */
function notOverHttp(params: { by: string; direct: boolean; imageOnly: boolean; dtype: string }) {
  return [
    ...(params.by === 'auto' ? [] : ['by' as const]),
    ...(params.direct ? ['direct' as const] : []),
    ...(params.imageOnly ? ['imageOnly' as const] : []),
    ...(params.dtype === 'float32' ? [] : ['dtype' as const]),
  ];
}
