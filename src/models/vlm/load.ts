import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadVlmProcessor, type VlmProcessor } from '../processing/processor.ts';
import { type ModelFolder, type ResolveOptions, resolveModel } from '../source.ts';
import type { LossRequest, SampleLoss, TokenLosses, VlmModel } from '../types.ts';
import { createFeatureStore } from './features.ts';
import { faultOf, gatherWindow, imageUses, type RowFault } from './gather.ts';
import { openRuntime, type RuntimeOptions, type VlmRuntime } from './runtime.ts';
import { type RowLosses, scoreRows } from './score.ts';
import { scoredPositions } from './sequence.ts';

export interface VlmOptions extends RuntimeOptions, ResolveOptions {
  /** Image features held in memory at once, in bytes. @default 256 MiB */
  featureBytes?: number;
}

/**
 * Open a vision-language model for losses: a resolved folder, or what `resolveModel` takes (a shipped name, a folder, a
 * hub id). LLaVA and Idefics3/SmolVLM, in the layout of transformers.js.
 *
 * @throws WinnowError of `resolveModel`, `loadVlmProcessor` and `openRuntime`.
 */
export async function loadVlm(model: ModelFolder | string, options: VlmOptions = {}): Promise<VlmModel> {
  const source = typeof model === 'string' ? await resolveModel(model, options) : model;
  const processor = await loadVlmProcessor(source.folder);
  const maxLength = await longestRow(source.folder);
  const runtime = await openRuntime(source.folder, options);
  const featureBytes = options.featureBytes ?? 256 * 2 ** 20;
  return {
    family: processor.family,
    name: source.name,
    revision: source.revision,
    losses: (request) => computeLosses(runtime, processor, { maxLength, featureBytes }, request),
    close: () => runtime.pool.close(),
  };
}

/** Positions that each type of text model has when its configuration leaves them out. */
const DEFAULT_POSITIONS: Record<string, number> = { llama: 2048, mistral: 131_072, qwen2: 32_768 };

/** Longest row a model's positions allow. Beyond a sliding window the graphs would see too much. */
async function longestRow(folder: string): Promise<number> {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  const text = config.text_config ?? config;
  const positions = Number(text.max_position_embeddings ?? DEFAULT_POSITIONS[text.model_type ?? 'llama'] ?? 2048);
  const window = text.use_sliding_window === false ? null : text.sliding_window;
  return typeof window === 'number' ? Math.min(positions, window) : positions;
}

async function computeLosses(
  runtime: VlmRuntime,
  processor: VlmProcessor,
  limits: { maxLength: number; featureBytes: number },
  request: LossRequest,
): Promise<SampleLoss[]> {
  const { samples, blind, loadImage, signal } = request;
  const results: SampleLoss[] = new Array(samples.length);
  const fail = (sample: number, fault: RowFault): void => {
    results[sample] = { ok: false, ...fault };
  };
  const uses = imageUses(samples);
  const store = createFeatureStore(runtime);
  const gathering = { processor, loadImage, store, maxLength: limits.maxLength, maxBytes: limits.featureBytes, signal };
  for (let at = 0; at < samples.length; ) {
    const window = await gatherWindow(samples, at, uses, gathering, fail);
    const failed = await store.settle();
    const ready = window.rows.map((row) => row.images.find((image) => failed.has(image)));
    for (const [i, image] of ready.entries()) {
      if (image !== undefined) fail(window.index[i]!, faultOf(failed.get(image), 'ENCODE_FAILED'));
    }
    const index = window.index.filter((_, i) => ready[i] === undefined);
    const rows = window.rows.filter((_, i) => ready[i] === undefined);
    const losses = await scoreRows(runtime, rows, store, { blind, ...(signal && { signal }) });
    for (const [i, loss] of losses.entries()) {
      results[index[i]!] = report(loss, rows[i]!.conversation, processor, request);
    }
    at = window.next;
    for (const [image, last] of uses.last.entries()) {
      if (last < at || store.bytes > limits.featureBytes / 2) store.drop(image);
    }
  }
  return results;
}

function report(
  losses: RowLosses,
  conversation: Parameters<typeof scoredPositions>[0],
  processor: VlmProcessor,
  { blind, perToken }: LossRequest,
): SampleLoss {
  if (losses instanceof Error) return { ok: false, ...faultOf(losses, 'MODEL_FAILED') };
  const all = losses.get('multimodal')!;
  if (all.length === 0) {
    return { ok: false, code: 'NO_RESPONSE_TOKENS', reason: 'no token of the row is trained, so it has no loss' };
  }
  if (![...losses.values()].every((values) => values.every(Number.isFinite))) {
    return { ok: false, code: 'NOT_FINITE', reason: 'the model gives no finite number for this row' };
  }
  const mean = (values: Float32Array): TokenLosses => {
    let sum = 0;
    for (const value of values) sum += value;
    return { mean: sum / values.length, ...(perToken === true && { perToken: values }) };
  };
  return {
    ok: true,
    tokens: all.length,
    ids: scoredPositions(conversation).map((t) => conversation.ids[t]!),
    multimodal: mean(all),
    blind: Object.fromEntries(blind.map((variant) => [variant, mean(losses.get(variant)!)])),
    ...(perToken === true && { tokenTexts: textsOf(conversation, processor) }),
  };
}

/** Text of every scored token; runs are decoded apart, because other text lies between them. */
function textsOf(conversation: Parameters<typeof scoredPositions>[0], processor: VlmProcessor): string[] {
  const scored = scoredPositions(conversation);
  const texts: string[] = [];
  for (let start = 0; start < scored.length; ) {
    let end = start + 1;
    while (end < scored.length && scored[end] === scored[end - 1]! + 1) end++;
    texts.push(...processor.tokenTexts(scored.slice(start, end).map((t) => conversation.ids[t]!)));
    start = end;
  }
  return texts;
}
