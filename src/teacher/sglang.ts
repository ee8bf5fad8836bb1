import { z } from 'zod';
import type { ScoredPrompt } from './chat.ts';
import { type Answer, type Endpoint, serverFault, serverMessage } from './endpoint.ts';
import { refused } from './refused.ts';

const Generated = z.object({
  meta_info: z.object({
    prompt_tokens: z.int().nullish(),
    input_token_logprobs: z
      .array(z.tuple([z.number().nullable(), z.int(), z.string().nullish()]).rest(z.unknown()))
      .nullish(),
  }),
});

/** A prompt for SGLang, which applies no chat template: rendered text with the model's image tokens, or ids. */
export interface RawPrompt {
  text?: string;
  ids?: number[];
  /** Data URIs, in the order of the text's image tokens. */
  images: string[];
}

/** The native `/generate` of SGLang. */
export interface SglangGenerate {
  /** Tokens of a prompt, images expanded. */
  count(prompt: RawPrompt): Promise<number>;
  /** Log-probabilities from position `start` on; that of `start` itself is always null. */
  score(prompt: RawPrompt, start: number): Promise<ScoredPrompt>;
}

/** @throws WinnowError `PROMPT_LOGPROBS_UNSUPPORTED`, `REQUEST_REFUSED`, `TOO_LONG`, and those of the endpoint */
export function sglangGenerate(endpoint: Endpoint): SglangGenerate {
  async function ask(
    { text, ids, images }: RawPrompt,
    more: Record<string, unknown>,
  ): Promise<z.infer<typeof Generated>> {
    const answer: Answer = await endpoint.post('/generate', {
      ...(ids === undefined ? { text } : { input_ids: ids }),
      ...(images.length === 0 ? {} : { image_data: images }),
      sampling_params: { max_new_tokens: 1, temperature: 0 },
      stream: false,
      ...more,
    });
    if (answer.status !== 200 && answer.status !== 404 && answer.status !== 405) throw refused(answer);
    const parsed = Generated.safeParse(answer.body);
    if (parsed.success) return parsed.data;
    throw unsupported(endpoint, answer.status === 200 ? 'its answer has another shape' : serverMessage(answer));
  }

  return {
    async count(prompt) {
      const { prompt_tokens } = (await ask(prompt, { return_logprob: false })).meta_info;
      if (prompt_tokens != null) return prompt_tokens;
      throw unsupported(endpoint, 'it does not count the tokens of a prompt');
    },
    async score(prompt, start) {
      const { meta_info } = await ask(prompt, {
        return_logprob: true,
        logprob_start_len: start,
        top_logprobs_num: 0,
        return_text_in_logprobs: true,
      });
      const entries = meta_info.input_token_logprobs;
      if (!entries?.length) throw unsupported(endpoint, 'its answer holds no input_token_logprobs');
      return {
        ids: entries.map(([, id]) => id),
        logprobs: entries.map(([logprob]) => logprob),
        texts: entries.map(([, , text]) => text ?? null),
      };
    },
  };
}

function unsupported(endpoint: Endpoint, why: string): Error {
  return serverFault(
    'PROMPT_LOGPROBS_UNSUPPORTED',
    `${endpoint.url} has no /generate of SGLang that gives log-probabilities of the prompt: ${why}.`,
    'Check --server-kind; a vLLM server is --server-kind vllm.',
  );
}
