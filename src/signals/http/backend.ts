import type { ScoredPrompt } from '../../teacher/chat.ts';
import type { RawPrompt, SglangGenerate } from '../../teacher/sglang.ts';
import type { VllmChat } from '../../teacher/vllm.ts';
import type { AnswerTokens, ScoredTail } from './align.ts';
import { answersByServer, type LocalChat } from './answers.ts';
import { type Ask, chatMessages, shownImages } from './ask.ts';

/** What is needed of a kind of server. `ask` without its images says where answers are; with them it is scored. */
export interface Backend {
  answers(ask: Ask): Promise<AnswerTokens>;
  /** @param images data URI of each of the sample's images that is shown, by its index */
  score(ask: Ask, answer: AnswerTokens, images: ReadonlyMap<number, string>): Promise<ScoredTail>;
}

/** vLLM writes conversations itself and scores whole prompts. */
export function vllmBackend(chat: VllmChat, local?: LocalChat): Backend {
  return {
    answers: async (ask) => (local === undefined ? answersByServer(chat, ask) : local.answers(ask)),
    async score(ask, _, images) {
      return whole(await chat.score(chatMessages(ask.messages, images)));
    },
  };
}

const whole = (prompt: ScoredPrompt): ScoredTail => ({ ...prompt, total: prompt.ids.length });

/**
 * SGLang takes text and scores from a position on. Scoring all would defeat its cache and takes memory for every
 * position, so the first request counts the prompt with its images and the second scores from one token before the
 * first answer, whose own value is null.
 */
export function sglangBackend(generate: SglangGenerate, local: LocalChat): Backend {
  return {
    answers: async (ask) => local.answers(ask),
    async score(ask, answer, images) {
      const shown = shownImages(ask).map((image) => images.get(image)!);
      const prompt: RawPrompt =
        shown.length === 0 ? { ids: [...answer.ids], images: [] } : { text: local.render(ask), images: shown };
      const total = shown.length === 0 ? answer.ids.length : await generate.count(prompt);
      const scored = answer.ids.length - answer.spans[0]!.start;
      return { ...(await generate.score(prompt, Math.max(0, total - scored - 1))), total };
    },
  };
}
