import pMap from 'p-map';
import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { TokenLosses } from '../../models/types.ts';
import { SERVER_LOST } from '../../teacher/endpoint.ts';
import { sglangGenerate } from '../../teacher/sglang.ts';
import { vllmChat } from '../../teacher/vllm.ts';
import type { LossParams } from '../measured/loss-params.ts';
import { HTTP_VARIANTS, type HttpVariant, type RowLoss } from '../measured/row-loss.ts';
import type { SignalContext } from '../signal.ts';
import { sglangBackend, vllmBackend } from './backend.ts';
import { connect } from './connect.ts';
import { greyUri, imageUri } from './images.ts';
import { serverSettings } from './options.ts';
import { type ImageSource, type RowOutcome, type RowPasses, scoreRow } from './score-row.ts';
import { checkTwoOrders } from './self-check.ts';
import { checkUnseen } from './unseen-check.ts';

/** Faults of the server as a whole: going on would only spend. */
const ENDS_THE_RUN = new Set([
  ...SERVER_LOST,
  'PROMPT_LOGPROBS_UNSUPPORTED',
  'LOGPROBS_MISSING',
  'LOGPROBS_INCONSISTENT',
  'MODEL_UNKNOWN',
  'SERVER_INTERFACE',
]);
/** Rows in succession that a server may fail at before it counts as broken. */
const MOST_FAILURES = 8;

/**
 * Losses by a vLLM or SGLang server. The server is tried on a few rows first (`selfCheck`); a row that can't be scored
 * is an answer, a server that can't is an exception.
 *
 * @throws WinnowError of `connect`, `checkTwoOrders` and the endpoint
 */
export async function openServerLosses(
  params: LossParams,
  context: SignalContext,
): Promise<{ losses(samples: readonly Sample[], onRows?: (rows: number) => void): Promise<RowLoss[]> }> {
  const { endpoint, kind, model, local, isAlive } = await connect(params, context);
  const { dataset } = context;
  const settings = serverSettings(params);
  const variants = HTTP_VARIANTS.filter((variant) => params.blind.includes(variant));
  const chat = await local?.();
  const backend =
    kind === 'sglang'
      ? sglangBackend(sglangGenerate(endpoint), chat!)
      : vllmBackend(vllmChat(endpoint, model.id), chat);
  const maxBytes = settings.maxImageMb * 1e6;
  const load: ImageSource = (path, what) => (what === 'grey' ? greyUri : imageUri)(dataset, path, maxBytes);
  const one = (sample: Sample): Promise<RowPasses> => scoreRow(sample, variants, backend, load);
  let hasAnswered = false;
  const score = async (samples: readonly Sample[], onRows?: (rows: number) => void): Promise<RowOutcome[]> => {
    const outcomes = await scoreAll(samples, settings.concurrency, isAlive, one, onRows);
    // What a busy server failed at may pass when it is asked for nothing else.
    const again = [...outcomes.keys()].filter((i) => isDoubtful(outcomes[i]!));
    const rest = again.map((i) => samples[i]!);
    for (const [j, outcome] of (await scoreAll(rest, 1, isAlive, one)).entries()) outcomes[again[j]!] = outcome;
    hasAnswered ||= outcomes.some((outcome) => !(outcome instanceof Error));
    // Rows are not to blame where the server has scored none of them.
    const doubtful = outcomes.find(isDoubtful);
    if (!hasAnswered && doubtful !== undefined) throw doubtful;
    return outcomes;
  };
  await checkTwoOrders(score, context, settings);
  if (settings.selfCheck > 0) await checkUnseen(backend, load, context, settings);
  return {
    losses: async (samples, onRows) =>
      (await score(samples, onRows)).map((row) => report(row, variants, params.perToken)),
  };
}

/** Score rows in order, several at once. The first fault of the server as a whole ends it. */
async function scoreAll(
  samples: readonly Sample[],
  width: number,
  isAlive: () => Promise<boolean>,
  score: (sample: Sample) => Promise<RowPasses>,
  onRows?: (rows: number) => void,
): Promise<RowOutcome[]> {
  const outcomes: RowOutcome[] = [];
  let done = 0;
  let failures = 0;
  let ended: unknown;
  const scoreOne = async (sample: Sample, i: number): Promise<void> => {
    if (ended !== undefined) return;
    try {
      outcomes[i] = await score(sample);
      failures = 0;
    } catch (error) {
      const fault = await ownFault(error, isAlive);
      if (fault !== undefined && isDoubtful(fault)) failures++;
      if (fault === undefined || failures > MOST_FAILURES) {
        ended ??= error;
        return;
      }
      outcomes[i] = fault;
    }
    onRows?.(++done);
  };
  // What is under way ends before the fault is thrown, so that no request outlives the run.
  await pMap(samples, scoreOne, { concurrency: width });
  if (ended !== undefined) throw ended;
  return outcomes;
}

/** A request that failed to the last try: the server's fault, or that of what it was asked. */
function isDoubtful(outcome: RowOutcome): boolean {
  return (
    outcome instanceof WinnowError && ['SERVER_FAILED', 'SERVER_UNREACHABLE', 'SERVER_TIMEOUT'].includes(outcome.code)
  );
}

/**
 * The fault as the row's own, or undefined where it is the server's. Where a request failed to the last try, a server
 * that still answers others failed at the row.
 */
async function ownFault(error: unknown, isAlive: () => Promise<boolean>): Promise<WinnowError | undefined> {
  if (!(error instanceof WinnowError)) return undefined;
  if (isDoubtful(error)) return (await isAlive()) ? error : undefined;
  return ENDS_THE_RUN.has(error.code) ? undefined : error;
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
    ids: row.ids,
    multimodal: mean(row.multimodal),
    blind: Object.fromEntries(variants.map((variant) => [variant, mean(row.blind[variant]!)])),
    imageTokens: row.imageTokens,
    ...(perToken && { tokenTexts: row.texts.map((text) => text ?? '') }),
  };
}
