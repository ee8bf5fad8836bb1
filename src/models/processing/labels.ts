import { WinnowError } from '../../base/errors.ts';
import type { ChatMessage, ChatTemplate } from './template.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Positions of one assistant turn: its text and its end-of-turn token; `end` is exclusive. */
export interface ResponseSpan {
  start: number;
  end: number;
}

/**
 * Where the assistant speaks, in the ids of the whole conversation. For each assistant turn k, the ids of the turns
 * before it with the generation prompt must begin the whole (spec: labels by prefix rendering); the header's last white
 * space may have merged into the answer's first token. The span ends with the turn, less trailing white space, so that
 * an end-of-turn token is in and a line break behind it is out. Where the prefixes don't hold, the template's own
 * `{% generation %}` blocks are taken.
 * @param ids the whole conversation, without the special tokens that frame an input; images as single placeholders.
 * @throws WinnowError `TEMPLATE_NO_LABELS` when neither rule holds, with the template's name.
 */
export function responseSpans(
  messages: readonly ChatMessage[],
  ids: readonly number[],
  template: ChatTemplate,
  tokenizer: Tokenizer,
): ResponseSpan[] {
  const spans = byPrefix(messages, ids, template, tokenizer) ?? byMarks(messages, ids, template, tokenizer);
  if (spans === undefined) {
    throw new WinnowError({
      code: 'TEMPLATE_NO_LABELS',
      message: `the chat template ${template.name} doesn't show where an answer begins: neither is its generation prompt a prefix of the turn, nor has it {% generation %} blocks`,
      hint: 'Add {% generation %} and {% endgeneration %} around the assistant text in the template.',
    });
  }
  return spans;
}

/**
 * An assistant turn as token ids: all that comes before its answer, and all up to its end (absent: the conversation
 * ends with it).
 */
export interface TurnPrefix {
  before: readonly number[];
  until?: readonly number[];
}

/**
 * Spans of answers from the beginnings of a conversation: each must begin the whole, but for white space that merged
 * into the next token.
 * @returns undefined where one does not
 */
export function spansFromPrefixes(
  turns: readonly TurnPrefix[],
  ids: readonly number[],
  isBlank: (ids: readonly number[]) => boolean,
): ResponseSpan[] | undefined {
  const spans: ResponseSpan[] = [];
  for (const { before, until } of turns) {
    const start = meet(before, ids, isBlank);
    const end = until === undefined ? ids.length : meet(until, ids, isBlank);
    if (start === undefined || end === undefined || end < start) return undefined;
    spans.push(trim({ start, end }, ids, isBlank));
  }
  return spans;
}

function byPrefix(
  messages: readonly ChatMessage[],
  ids: readonly number[],
  template: ChatTemplate,
  tokenizer: Tokenizer,
): ResponseSpan[] | undefined {
  const answers = messages.flatMap((message, k) => (message.role === 'assistant' ? [{ message, k }] : []));
  const turns: TurnPrefix[] = [];
  for (const { k } of answers) {
    const before = renderOrNothing(template, messages.slice(0, k), true);
    const isLast = k === messages.length - 1;
    const until = isLast ? '' : renderOrNothing(template, messages.slice(0, k + 1), false);
    if (before === undefined || until === undefined) return undefined;
    turns.push({ before: tokenizer.encode(before), until: isLast ? undefined : tokenizer.encode(until) });
  }
  const spans = spansFromPrefixes(turns, ids, blankIn(tokenizer));
  // A template that ignores the generation prompt passes the prefix test with its header inside of the span.
  const isAnswer = spans?.every((span, i) => beginsWithAnswer(span, answers[i]!.message, ids, tokenizer));
  return isAnswer === true ? spans : undefined;
}

function byMarks(
  messages: readonly ChatMessage[],
  ids: readonly number[],
  template: ChatTemplate,
  tokenizer: Tokenizer,
): ResponseSpan[] | undefined {
  const rendered = template.renderMarked(messages);
  if (rendered === undefined || rendered.generated.length === 0) return undefined;
  const isBlank = blankIn(tokenizer);
  const spans: ResponseSpan[] = [];
  for (const { start: from, end: to } of rendered.generated) {
    const start = meet(tokenizer.encode(rendered.text.slice(0, from)), ids, isBlank);
    const end = meet(tokenizer.encode(rendered.text.slice(0, to)), ids, isBlank);
    if (start === undefined || end === undefined || end < start) return undefined;
    spans.push(trim({ start, end }, ids, isBlank));
  }
  return spans;
}

/** Some templates refuse a beginning of a conversation that they take as a whole: then the prefixes say nothing. */
function renderOrNothing(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  prompt: boolean,
): string | undefined {
  try {
    return template.render(messages, prompt);
  } catch (error) {
    if (error instanceof WinnowError && error.code === 'TEMPLATE_BROKEN') return undefined;
    throw error;
  }
}

/** Length of the common beginning; undefined when what is left of the prefix is more than white space. */
function meet(prefix: readonly number[], ids: readonly number[], isBlank: (ids: readonly number[]) => boolean) {
  let n = 0;
  while (n < prefix.length && n < ids.length && prefix[n] === ids[n]) n++;
  return n === prefix.length || isBlank(prefix.slice(n)) ? n : undefined;
}

/** White space, as words in the middle of a text: decoders strip what leads a text. */
function blankIn(tokenizer: Tokenizer): (ids: readonly number[]) => boolean {
  return (ids) => tokenizer.decode(ids).trim() === '';
}

function trim(span: ResponseSpan, ids: readonly number[], isBlank: (ids: readonly number[]) => boolean): ResponseSpan {
  let { end } = span;
  while (end > span.start && isBlank([ids[end - 1]!])) end--;
  return { start: span.start, end };
}

/** How many characters of an answer are compared. */
const PROBE = 12;

function beginsWithAnswer(
  span: ResponseSpan,
  message: ChatMessage,
  ids: readonly number[],
  tokenizer: Tokenizer,
): boolean {
  const first = typeof message.content === 'string' ? { type: 'text', text: message.content } : message.content[0];
  if (first === undefined || first.type !== 'text') return true;
  const squeeze = (text: string): string => text.replace(/\s+/g, '');
  // Through the vocabulary and back, because it may lack characters or case.
  const answer = squeeze(tokenizer.decode(tokenizer.encode((first as { text: string }).text.slice(0, 4 * PROBE))));
  const spoken = squeeze(tokenizer.decode(ids.slice(span.start, span.end)));
  const n = Math.min(PROBE, answer.length - 1, spoken.length);
  return n <= 0 || spoken.slice(0, n) === answer.slice(0, n);
}
