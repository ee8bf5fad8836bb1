import { resolve } from 'node:path';
import { WinnowError } from '../../dataset/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { TokenLosses } from '../../models/types.ts';
import { type Endpoint, SERVER_LOST } from '../../teacher/endpoint.ts';
import { sglangGenerate } from '../../teacher/sglang.ts';
import { vllmChat } from '../../teacher/vllm.ts';
import type { LossParams } from '../loss-params.ts';
import { HTTP_VARIANTS, type HttpVariant, type RowLoss } from '../row-loss.ts';
import type { SignalContext } from '../signal.ts';
import { loadLocalChat } from './answers.ts';
import { sglangBackend, vllmBackend } from './backend.ts';
import { connect } from './connect.ts';
import { greyUri, imageUri } from './images.ts';
import { type ImageSource, type RowOutcome, type RowPasses, scoreRow } from './score-row.ts';
import { checkTwoOrders } from './self-check.ts';

/** Faults of the server as a whole: going on would only spend. */
const ENDS_THE_RUN = new Set([
  ...SERVER_LOST,
  'PROMPT_LOGPROBS_UNSUPPORTED',
  'LOGPROBS_MISSING',
  'MODEL_UNKNOWN',
  'SERVER_INTERFACE',
]);
/** Rows in succession that a server may fail at before it counts as broken. */
const MOST_FAILURES = 8;

/**
 * Losses by a vLLM or SGLang server. The server is tried on a few rows first (`selfCheck`); a row that can't be scored is an answer, a server that can't
 * is an exception.
 *
 * @throws WinnowError of `connect`, `checkTwoOrders` and the endpoint
 */
export async function openServerLosses(
  params: LossParams,
  context: SignalContext,
): Promise<{ losses(samples: readonly Sample[]): Promise<RowLoss[]> }> {
  const { endpoint, kind, model } = await connect(params, context);
  const { dataset } = context;
  const variants = HTTP_VARIANTS.filter((variant) => params.blind.includes(variant));
  const local = params.tokenizer === undefined ? undefined : await loadLocalChat(resolve(params.tokenizer));
  const backend =
    kind === 'sglang'
      ? sglangBackend(sglangGenerate(endpoint), local!)
      : vllmBackend(vllmChat(endpoint, model.id), local);
  const maxBytes = params.maxImageMb * 1e6;
  const load: ImageSource = (path, what) => (what === 'grey' ? greyUri : imageUri)(dataset, path, maxBytes);
  const score = (samples: readonly Sample[]): Promise<RowOutcome[]> =>
    scoreAll(samples, params.concurrency, endpoint, (sample) => scoreRow(sample, variants, backend, load));
  await checkTwoOrders(score, context, params);
  return { losses: async (samples) => (await score(samples)).map((row) => report(row, variants, params.perToken)) };
}

/** Score rows in order, several at once. The first fault of the server as a whole ends it. */
async function scoreAll(
  samples: readonly Sample[],
  width: number,
  endpoint: Endpoint,
  score: (sample: Sample) => Promise<RowPasses>,
): Promise<RowOutcome[]> {
  const outcomes: RowOutcome[] = [];
  let next = 0;
  let failures = 0;
  let stopped = false;
  const lane = async (): Promise<void> => {
    while (next < samples.length && !stopped) {
      const i = next++;
      try {
        outcomes[i] = await score(samples[i]!);
        failures = 0;
      } catch (error) {
        const fault = await ownFault(error, endpoint);
        if (fault?.code.startsWith('SERVER_')) failures++;
        if (fault === undefined || failures > MOST_FAILURES) {
          stopped = true;
          throw error;
        }
        outcomes[i] = fault;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(width, samples.length) }, lane));
  for (const done of lanes) if (done.status === 'rejected') throw done.reason;
  return outcomes;
}

/** The fault as the row's own, or undefined where it is the server's. Where a request failed to the last try, a server that still answers others failed at the row. */
async function ownFault(error: unknown, endpoint: Endpoint): Promise<WinnowError | undefined> {
  if (!(error instanceof WinnowError)) return undefined;
  const isDoubtful = ['SERVER_FAILED', 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT'].includes(error.code);
  if (!isDoubtful) return ENDS_THE_RUN.has(error.code) ? undefined : error;
  const answers = await endpoint.get('/v1/models').then(
    ({ status }) => status === 200,
    () => false,
  );
  return answers ? error : undefined;
}

function report(row: RowOutcome, variants: readonly HttpVariant[], perToken: boolean): RowLoss {
  if (row instanceof WinnowError) return { ok: false, code: row.code, reason: row.message };
  const mean = (values: readonly number[]): TokenLosses => ({
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    ...(perToken && { perToken: Float32Array.from(values) }),
  });
  return {
    ok: true,
    tokens: row.multimodal.length,
    multimodal: mean(row.multimodal),
    blind: Object.fromEntries(variants.map((variant) => [variant, mean(row.blind[variant]!)])),
    imageTokens: row.imageTokens,
    ...(perToken && { tokenTexts: row.texts.map((text) => text ?? '') }),
  };
}
