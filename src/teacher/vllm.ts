import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ChatMessage, ScoredPrompt } from './chat.ts';
import { type Endpoint, serverFault, serverMessage } from './endpoint.ts';
import { refused } from './refused.ts';

const Entry = z.object({
  logprob: z.number().nullable(),
  rank: z.number().nullish(),
  decoded_token: z.string().nullish(),
});

const Completion = z.object({
  prompt_logprobs: z.array(z.record(z.string(), Entry).nullable()).nullish(),
  prompt_token_ids: z.array(z.int()).nullish(),
});

const Tokenized = z.object({ tokens: z.array(z.int()), token_strs: z.array(z.string()).nullish() });

/** Token ids of a chat without log-probabilities, with their text where the server says it. */
export interface ChatTokens {
  ids: number[];
  texts: (string | null)[];
}

/** The chat interface of vLLM, for the prompt's log-probabilities. */
export interface VllmChat {
  /** Log-probabilities of every token of a whole conversation. */
  score(messages: readonly ChatMessage[]): Promise<ScoredPrompt>;
  /** Tokens of a beginning of a conversation, with what opens an answer if `prompt`. */
  tokens(messages: readonly ChatMessage[], prompt: boolean): Promise<ChatTokens>;
}

/** How a server wants to be asked. */
interface Habits {
  /** Alternatives beside the prompt's own token: none, where the server takes that. */
  top: 0 | 1;
  /** It has `/tokenize`. */
  tokenize: boolean;
  /**
   * The tokenizer must add its BOS, as it does in training, because the template writes none. The server's default is
   * not to.
   */
  special: boolean;
}

/**
 * Prompt log-probabilities of vLLM's `/v1/chat/completions`. How the server wants to be asked is found out by the first
 * conversation, which should hold no image.
 *
 * @throws WinnowError `PROMPT_LOGPROBS_UNSUPPORTED`, `REQUEST_REFUSED`, `TOO_LONG`, and those of the endpoint
 */
export function vllmChat(endpoint: Endpoint, model: string): VllmChat {
  let habits: Promise<Habits> | undefined;
  let hasScored = false;

  /** Asked once, by whoever comes first; a conversation that is refused for itself says nothing about the server. */
  function habitsFrom(messages: readonly ChatMessage[]): Promise<Habits> {
    habits ??= probe(messages).catch((error) => {
      habits = undefined;
      throw error;
    });
    return habits;
  }

  async function probe(messages: readonly ChatMessage[]): Promise<Habits> {
    const top = await complete(messages, false, { top: 0, special: false }).then(
      () => 0 as const,
      (error) => {
        if (codeOf(error) === 'PROMPT_LOGPROBS_UNSUPPORTED') return 1 as const;
        throw error;
      },
    );
    // A server that scores the conversation and won't tokenise it has a `/tokenize` for plain text only.
    const plain = await tokenized(messages, false, false).catch((error) => {
      if (codeOf(error) === 'REQUEST_REFUSED') return undefined;
      throw error;
    });
    const tokenize = plain !== undefined;
    const tokens = async (special: boolean): Promise<ChatTokens> =>
      (tokenize ? await tokenized(messages, false, special) : undefined) ?? complete(messages, false, { top, special });
    const without = plain ?? (await tokens(false));
    const added = (await tokens(true)).ids;
    // Twice the same token: the template has written it already.
    const special = added.length > without.ids.length && added[0] !== without.ids[0];
    return { top, tokenize, special };
  }

  /** A server that has answered well may answer once without numbers, when it is short of something. */
  async function complete(
    messages: readonly ChatMessage[],
    prompt: boolean,
    how: Pick<Habits, 'top' | 'special'>,
  ): Promise<ScoredPrompt> {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await completeOnce(messages, prompt, how);
        hasScored = true;
        return answer;
      } catch (error) {
        if (!hasScored || codeOf(error) !== 'PROMPT_LOGPROBS_UNSUPPORTED') throw error;
        if (attempt >= MOST_REPEATS) throw serverFault('SERVER_FAILED', (error as Error).message);
      }
    }
  }

  async function completeOnce(
    messages: readonly ChatMessage[],
    prompt: boolean,
    { top, special }: Pick<Habits, 'top' | 'special'>,
  ): Promise<ScoredPrompt> {
    const answer = await endpoint.post('/v1/chat/completions', {
      model,
      messages,
      add_generation_prompt: prompt,
      continue_final_message: false,
      add_special_tokens: special,
      prompt_logprobs: top,
      return_token_ids: true,
      max_completion_tokens: 1,
      temperature: 0,
      stream: false,
      // Log-probabilities of a cached prefix are gone: no two requests may share one.
      cache_salt: randomUUID(),
    });
    if (answer.status !== 200) {
      const said = serverMessage(answer);
      throw /prompt_logprobs/.test(said) ? unsupported(endpoint, said) : refused(answer);
    }
    const parsed = Completion.safeParse(answer.body);
    if (!parsed.success) throw unsupported(endpoint, 'its answer has another shape');
    const { prompt_logprobs, prompt_token_ids } = parsed.data;
    if (!prompt_logprobs?.length) throw unsupported(endpoint, 'its answer holds no prompt_logprobs');
    return readPrompt(prompt_logprobs, prompt_token_ids ?? undefined);
  }

  /** undefined where the server has no `/tokenize`. */
  async function tokenized(
    messages: readonly ChatMessage[],
    prompt: boolean,
    special: boolean,
  ): Promise<ChatTokens | undefined> {
    const answer = await endpoint.post('/tokenize', {
      model,
      messages,
      add_generation_prompt: prompt,
      continue_final_message: false,
      add_special_tokens: special,
      return_token_strs: true,
    });
    if ([404, 405, 501].includes(answer.status)) return undefined;
    if (answer.status !== 200) throw refused(answer);
    const parsed = Tokenized.safeParse(answer.body);
    if (!parsed.success) return undefined;
    const { tokens, token_strs } = parsed.data;
    return { ids: tokens, texts: tokens.map((_, i) => token_strs?.[i] ?? null) };
  }

  return {
    score: async (messages) => complete(messages, false, await habitsFrom(messages)),
    async tokens(messages, prompt) {
      const found = await habitsFrom(messages);
      const tokens = found.tokenize ? await tokenized(messages, prompt, found.special) : undefined;
      return tokens ?? complete(messages, prompt, found);
    },
  };
}

/** Further tries of a request that was answered without numbers. */
const MOST_REPEATS = 2;

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** vLLM sends minus infinity as this number. */
const MINUS_INFINITY = -9999;

/**
 * The prompt's own token among those of each position. The ids decide; without them, the one of the largest rank
 * (others are the most likely ones).
 */
function readPrompt(positions: z.infer<typeof Completion>['prompt_logprobs'] & {}, ids?: number[]): ScoredPrompt {
  const known = ids?.length === positions.length ? ids : undefined;
  const prompt: Required<ScoredPrompt> = { ids: [], logprobs: [], texts: [], ranks: [] };
  for (const [i, position] of positions.entries()) {
    const candidates = Object.entries(position ?? {}).sort((a, b) => (b[1].rank ?? 0) - (a[1].rank ?? 0));
    const own = known === undefined ? candidates[0] : candidates.find(([id]) => Number(id) === known[i]);
    const logprob = own?.[1].logprob ?? null;
    prompt.ids.push(known?.[i] ?? (own === undefined ? -1 : Number(own[0])));
    prompt.logprobs.push(logprob !== null && logprob <= MINUS_INFINITY ? Number.NEGATIVE_INFINITY : logprob);
    prompt.texts.push(own?.[1].decoded_token ?? null);
    prompt.ranks.push(own?.[1].rank ?? null);
  }
  checkRanks(prompt);
  return prompt;
}

/** What rounding may put above a bound, nats. */
const RANK_ROUNDING = 0.02;

/**
 * The token of rank r and r - 1 others are at least as likely as it, so that its probability is at most 1 / r. Values
 * that stand at other tokens than their own break this soon.
 *
 * @throws WinnowError `LOGPROBS_INCONSISTENT`
 */
function checkRanks({ ids, logprobs, ranks }: Required<ScoredPrompt>): void {
  const at = logprobs.findIndex((logprob, t) => {
    const rank = ranks[t] ?? 1;
    // What is above 0 is said of its own row.
    return logprob !== null && logprob <= 0 && rank > 1 && logprob > RANK_ROUNDING - Math.log(rank);
  });
  if (at < 0) return;
  throw serverFault(
    'LOGPROBS_INCONSISTENT',
    `The server says of token ${ids[at]} at position ${at} that it has the rank ${ranks[at]} and the log-probability ${logprobs[at]!.toFixed(3)}; a token of that rank has at most ${(-Math.log(ranks[at]!)).toFixed(3)}.`,
    'Its values belong to other tokens, or are no log-probabilities: update the server, and start it with --no-enable-prefix-caching and without speculative decoding.',
  );
}

function unsupported(endpoint: Endpoint, why: string): Error {
  return serverFault(
    'PROMPT_LOGPROBS_UNSUPPORTED',
    `${endpoint.url} gives no log-probabilities of the prompt: ${why}.`,
    'Losses need a vLLM server (prompt_logprobs) or, with --server-kind sglang, an SGLang server; hosted chat services have neither.',
  );
}
