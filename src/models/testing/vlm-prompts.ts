import { decodeImage } from '../processing/decode.ts';
import { readJsonIn } from '../processing/files.ts';
import { llavaTokens } from '../processing/image-tokens.ts';
import { loadVlmProcessor } from '../processing/processor.ts';
import { type ChatMessage, loadTemplate } from '../processing/template.ts';
import { createFeatureStore } from '../vlm/features.ts';
import { openRuntime } from '../vlm/runtime.ts';
import { scoreRows } from '../vlm/score.ts';

/** A prompt with its images, expanded. */
export interface Prompt {
  ids: number[];
  /** Position, in `ids`, of the image tokens of each image. */
  spans: { image: number; start: number; end: number }[];
  images: string[];
}

/**
 * A model of the shipped family that gives the log-probability of every token of a prompt: what an inference server
 * computes.
 */
export interface PromptModel {
  render(messages: readonly ChatMessage[], generationPrompt: boolean): string;
  /** `special`: with the tokens that the tokenizer puts around an input. */
  encode(text: string, special: boolean): number[];
  decode(ids: readonly number[]): string;
  /** Text with image tokens to ids with each image's tokens. `images`: data URIs. */
  expand(ids: readonly number[], images: readonly string[]): Promise<Prompt>;
  /** null at the first position. */
  logprobs(prompt: Prompt): Promise<(number | null)[]>;
  close(): Promise<void>;
}

/** Open a LLaVA folder for prompts. For tests. */
export async function openPromptModel(folder: string): Promise<PromptModel> {
  const processor = await loadVlmProcessor(folder);
  const { tokenizer } = processor;
  const template = await loadTemplate(folder, tokenizer.special);
  const config = (await readJsonIn(folder, 'config.json')) ?? {};
  const image = llavaTokens(tokenizer, (await readJsonIn(folder, 'processor_config.json')) ?? {}, config);
  const runtime = await openRuntime(folder, { workers: 1 });
  const process = async (uri: string) => processor.processImage(await decodeImage(uri));

  async function expand(ids: readonly number[], images: readonly string[]): Promise<Prompt> {
    const prompt: Prompt = { ids: [], spans: [], images: [...images] };
    let next = 0;
    for (const id of ids) {
      if (id !== image.id) {
        prompt.ids.push(id);
        continue;
      }
      const uri = images[next];
      if (uri === undefined) throw new RangeError('more image tokens than images');
      const start = prompt.ids.length;
      prompt.ids.push(...image.expand(await process(uri)));
      prompt.spans.push({ image: next++, start, end: prompt.ids.length });
    }
    if (next < images.length) throw new RangeError('more images than image tokens');
    return prompt;
  }

  async function logprobs({ ids, spans, images }: Prompt): Promise<(number | null)[]> {
    const store = createFeatureStore(runtime);
    for (const [i, uri] of images.entries()) await store.push(i, await process(uri));
    await store.settle();
    const conversation = {
      ids: Int32Array.from(ids),
      response: new Uint8Array(ids.length).fill(1),
      imageTokenMask: Uint8Array.from(ids, (_, t) => Number(spans.some(({ start, end }) => t >= start && t < end))),
      imageSpans: spans,
      imageBlocks: spans,
    };
    const [row] = await scoreRows(runtime, [{ conversation, images: images.map((_, i) => i) }], store, { blind: [] });
    if (row === undefined || row instanceof Error) throw row ?? new Error('no row');
    const losses = row.get('multimodal')!;
    return ids.map((_, t) => (t < ids.length - losses.length ? null : -losses[t - (ids.length - losses.length)]!));
  }

  return {
    render: (messages, prompt) => template.render(messages, prompt),
    encode: (text, special) =>
      special ? [...tokenizer.lead, ...tokenizer.encode(text), ...tokenizer.tail] : tokenizer.encode(text),
    decode: (ids) => tokenizer.decode(ids),
    expand,
    logprobs,
    close: () => runtime.pool.close(),
  };
}
