import { WinnowError } from '../../base/errors.ts';
import { responseSpans, spansFromPrefixes } from '../../models/processing/labels.ts';
import { type ChatTemplate, loadTemplate, chatMessages as templateMessages } from '../../models/processing/template.ts';
import { loadTokenizer, type Tokenizer } from '../../models/processing/tokenizer.ts';
import type { ChatTokens, VllmChat } from '../../teacher/vllm.ts';
import type { AnswerTokens } from './align.ts';
import { type Ask, chatMessages } from './ask.ts';

/** White space as tokenizers write it in a vocabulary: a space is U+0120 or U+2581, a line break U+010A. */
const BLANK = /^[\s\u0120\u2581\u010A\u0109]*$/;

/**
 * Where the answers are, by the server's own tokenizer and template: the conversation up to each answer, with the
 * generation prompt, must begin the conversation up to its end. The same rule as in training.
 *
 * @throws WinnowError `ALIGNMENT` where it doesn't
 */
export async function answersByServer(chat: VllmChat, { messages, turns }: Ask): Promise<AnswerTokens> {
  const wire = chatMessages(messages, new Map());
  const isLast = (k: number): boolean => k === wire.length - 1;
  const [whole, ...parts] = await Promise.all([
    chat.tokens(wire, false),
    ...turns.flatMap((k) => [
      chat.tokens(wire.slice(0, k), true),
      ...(isLast(k) ? [] : [chat.tokens(wire.slice(0, k + 1), false)]),
    ]),
  ]);
  const blank = new Set([whole, ...parts].flatMap(blankIds));
  let next = 0;
  const prefixes = turns.map((k) => {
    const before = parts[next++]!.ids;
    return isLast(k) ? { before } : { before, until: parts[next++]!.ids };
  });
  const spans = spansFromPrefixes(prefixes, whole.ids, (ids) => ids.every((id) => blank.has(id)));
  if (spans?.every(({ start, end }) => end > start)) return { ids: whole.ids, spans };
  throw new WinnowError({
    code: 'ALIGNMENT',
    message:
      spans === undefined
        ? "The server's chat template doesn't show where an answer begins: its generation prompt is no prefix of the turn."
        : 'The sample has an answer without text, so nothing of it can be scored.',
    hint: 'Give --tokenizer with a template that has {% generation %} blocks, or drop the row.',
  });
}

function blankIds({ ids, texts }: ChatTokens): number[] {
  return ids.filter((_, i) => texts[i] != null && BLANK.test(texts[i]));
}

/** A model's tokenizer and template on this machine. */
export interface LocalChat {
  answers(ask: Ask): AnswerTokens;
  /** The conversation as text, with the model's image tokens. */
  render(ask: Ask): string;
}

/** @throws WinnowError `MODEL_INCOMPLETE`, `TEMPLATE_MISSING`, `TEMPLATE_BROKEN` */
export async function loadLocalChat(folder: string): Promise<LocalChat> {
  const tokenizer = await loadTokenizer(folder);
  const template = await loadTemplate(folder, tokenizer.special);
  const imageToken = tokenizer.special.image_token ?? '<image>';
  const messagesOf = ({ messages }: Ask) =>
    templateMessages(
      { id: '', messages: [...messages], media: { images: [], videos: [] }, meta: {} },
      template,
      imageToken,
    );
  return {
    answers: (ask) => localAnswers(ask, messagesOf(ask), template, tokenizer),
    render: (ask) => withoutLead(template.render(messagesOf(ask), false), tokenizer),
  };
}

/** Text for a tokenizer that puts its BOS before every input: one that the template has written would be the second. */
function withoutLead(text: string, { special: { bos_token }, lead, idOf }: Tokenizer): string {
  const isTwice = bos_token !== undefined && text.startsWith(bos_token) && lead[0] === idOf(bos_token);
  return isTwice ? text.slice(bos_token.length) : text;
}

function localAnswers(
  ask: Ask,
  messages: ReturnType<typeof templateMessages>,
  template: ChatTemplate,
  tokenizer: Tokenizer,
): AnswerTokens {
  const text = template.render(messages, false);
  const ids = tokenizer.encode(text);
  const all = responseSpans(messages, ids, template, tokenizer);
  const order = ask.messages.flatMap(({ role }, k) => (role === 'assistant' ? [k] : []));
  const spans = ask.turns.map((k) => all[order.indexOf(k)]!);
  if (spans.some(({ start, end }) => end <= start)) {
    throw new WinnowError({
      code: 'NO_RESPONSE_TOKENS',
      message: 'The sample has an answer without text, so nothing of it can be scored.',
      hint: 'Fix or drop the row.',
    });
  }
  // What the tokenizer puts before an input stands there too, unless the template has written it.
  const { bos_token } = tokenizer.special;
  const lead = bos_token !== undefined && text.startsWith(bos_token) ? [] : tokenizer.lead;
  const shifted = spans.map(({ start, end }) => ({ start: start + lead.length, end: end + lead.length }));
  return { ids: [...lead, ...ids], spans: shifted };
}
