import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import { serverUrl } from '../../teacher/endpoint.ts';
import { quarantine } from '../engine/block.ts';
import { imageLoader } from '../engine/images.ts';
import type { Signal, SignalBlock, SignalContext } from '../signal.ts';
import { lossColumns, lossPasses, toColumns } from './loss-columns.ts';
import { LossParams } from './loss-params.ts';
import type { RowLoss } from './row-loss.ts';
import { weightsRevision } from './worker-params.ts';

/**
 * A server where one is named. The worker where it is asked for, where only it can, and where a model comes without
 * graphs.
 */
async function chosen(params: LossParams, context: SignalContext): Promise<'process' | 'worker' | 'server'> {
  if (params.server !== undefined) return 'server';
  const torch = params.direct || params.imageOnly || params.dtype !== 'float32';
  if (params.by === 'process' && torch) {
    throw new WinnowError({
      code: 'OPTION_INVALID',
      message: 'Direct, imageOnly and dtype are computed by the worker only.',
      hint: 'Leave out --by process.',
      exitCode: 2,
    });
  }
  if (params.by !== 'auto') return params.by;
  if (torch) return 'worker';
  if (await isRun(modelOf(params), context)) return 'worker';
  const { hasGraphs } = await import('../../models/source.ts');
  return (await hasGraphs(modelOf(params), context)) ? 'process' : 'worker';
}

/** A training run of the project stands for its last checkpoint, which has no graphs. */
async function isRun(name: string, { project }: SignalContext): Promise<boolean> {
  const { isRunName } = await import('../../models/source.ts');
  if (project === undefined || !isRunName(name)) return false;
  const { findRun } = await import('../../store/runs.ts');
  return (await findRun(project, name)) !== undefined;
}

/** Response loss with the image and without it, and their difference, visual necessity (VisNec, arXiv 2603.01195). */
export const loss: Signal<LossParams> = {
  name: 'loss',
  order: 10,
  version: 3,
  title: 'Response losses and visual necessity',
  measures:
    'Mean negative log-likelihood of the response with the image and without it. Necessity is the difference: how much the image helps. Negative: the image makes the answer less likely.',
  source: 'VisNec (arXiv 2603.01195), section 3; spec: response tokens only, all turns in one flat mean',
  by: ['process', 'worker', 'server'],
  params: LossParams,
  cost: ({ blind, direct, imageOnly, server }) =>
    server === undefined
      ? `1 image encoding and ${1 + blind.length + Number(direct) + Number(imageOnly)} forward passes a sample`
      : `${1 + blind.length} scored prompts a sample with an image, 1 a sample without`,
  async estimate(params, context, samples) {
    if (params.server === undefined) return undefined;
    const { estimateRequests } = await import('../http/estimate.ts');
    return estimateRequests(params, context, samples);
  },
  columns: lossColumns,
  passes: lossPasses,
  variants: [{ direct: true }, { imageOnly: true }, { blind: ['drop'] }, { blind: ['remove'] }, { perToken: true }],
  // Defaults of the model and of the blind variant are for this machine; a server has its own.
  projectDefaults: ({ model, blind }, { server }) =>
    server === undefined ? { model, blind: blind === undefined ? undefined : [blind] } : {},
  shardRows: 512,
  readsMedia: true,
  chosen,
  async revision(params, context) {
    const by = await chosen(params, context);
    if (by === 'worker') return weightsRevision({ model: modelOf(params) }, context);
    if (by === 'server') {
      const { connect } = await import('../http/connect.ts');
      return (await connect(params, context)).revision;
    }
    const { resolveModel } = await import('../../models/source.ts');
    return (await resolveModel(modelOf(params), context)).revision;
  },
  key: ({ blind, perToken, direct, imageOnly, dtype, server }) => ({
    blind,
    perToken,
    direct: direct || imageOnly ? direct : undefined,
    imageOnly: direct || imageOnly || undefined,
    dtype: dtype === 'float32' ? undefined : dtype,
    server: server === undefined ? undefined : serverUrl(server),
  }),
  async summarise(params, context, plan) {
    const { dataset, project } = context;
    const { measureStoredFit } = await import('../fit/read.ts');
    const columns = lossColumns(params).map(({ name }) => name);
    const model = params.model ?? '';
    const vocabulary = await vocabularyOf(params, context);
    return { fit: await measureStoredFit(project!, dataset, { plan, columns, model, vocabulary }) };
  },
  async open(params, context) {
    const measure = params.server === undefined ? await inProcess(params, context) : await overHttp(params, context);
    return {
      async compute(batch, onRows): Promise<SignalBlock> {
        const present = batch.samples.flatMap((sample, i) => (sample === null ? [] : [{ sample, i }]));
        const computed = await measure.losses(
          present.map((item) => item.sample),
          onRows,
        );
        const losses: (RowLoss | null)[] = batch.samples.map(() => null);
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
      close: () => measure.close(),
    };
  },
};

/** Where losses come from; each in the order of the samples. */
interface LossSource {
  losses(samples: readonly Sample[], onRows?: (rows: number) => void): Promise<RowLoss[]>;
  close(): Promise<void>;
}

/** Tokens that the scoring model chooses from; of a server's model where its tokenizer is given. */
async function vocabularyOf(params: LossParams, context: SignalContext): Promise<number | undefined> {
  const { vocabularySize } = await import('../../models/model-size.ts');
  if (params.server === undefined) {
    const { weightsOf } = await import('../engine/weights.ts');
    const { resolveModel } = await import('../../models/source.ts');
    const isByWorker = (await chosen(params, context)) === 'worker';
    const source = isByWorker ? await weightsOf(params, context) : await resolveModel(modelOf(params), context);
    return vocabularySize(source.folder);
  }
  if (params.tokenizer === undefined) return undefined;
  const { resolveTokenizer } = await import('../../models/source.ts');
  return vocabularySize(await resolveTokenizer(params.tokenizer, context));
}

const modelOf = (params: LossParams): string => params.model ?? 'micro-vlm';

async function inProcess(params: LossParams, context: SignalContext): Promise<LossSource> {
  const { resolveModel } = await import('../../models/source.ts');
  const { loadVlm } = await import('../../models/vlm/load.ts');
  const model = await loadVlm(await resolveModel(modelOf(params), context));
  const request = {
    loadImage: imageLoader(context.dataset),
    blind: params.blind.filter((variant) => variant === 'masked' || variant === 'drop' || variant === 'remove'),
    perToken: params.perToken,
    signal: context.signal,
  };
  return { losses: (samples) => model.losses({ ...request, samples }), close: () => model.close() };
}

async function overHttp(params: LossParams, context: SignalContext): Promise<LossSource> {
  const { openServerLosses } = await import('../http/http-losses.ts');
  const source = await openServerLosses(params, context);
  return { losses: source.losses, close: async () => {} };
}
