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
      message: `The chat template ${template.name} doesn't show where an answer begins: neither is its generation prompt all that stands before the answer, nor has it {% generation %} blocks.`,
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
  until?: readonly number[] | undefined;
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
  const whole = template.render(messages, false);
  const turns: TurnPrefix[] = [];
  for (const [k, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    const before = renderOrNothing(template, messages.slice(0, k), true);
    const isLast = k === messages.length - 1;
    const until = isLast ? whole : renderOrNothing(template, messages.slice(0, k + 1), false);
    if (before === undefined || until === undefined || !whole.startsWith(until.trimEnd())) return undefined;
    if (!isAnswerAlone(before, until, message, template.ending(messages.slice(0, k)))) return undefined;
    turns.push({ before: tokenizer.encode(before), until: isLast ? undefined : tokenizer.encode(until) });
  }
  return spansFromPrefixes(turns, ids, blankIn(tokenizer));
}

/**
 * Whether between a turn's generation prompt and its end stand the answer and what ends a turn, white space aside: a
 * template that ignores the generation prompt, or writes an empty thought, has its header there.
 */
function isAnswerAlone(before: string, until: string, message: ChatMessage, ending: string | undefined): boolean {
  const head = before.trimEnd();
  if (ending === undefined || !until.startsWith(head)) return false;
  const parts = typeof message.content === 'string' ? [message.content] : message.content.map(textOf);
  const shown = parts.indexOf(undefined);
  const answer = squeeze(parts.slice(0, shown < 0 ? parts.length : shown).join(''));
  const found = squeeze(until.slice(head.length));
  if (shown < 0) return found === answer + squeeze(ending);
  return found.startsWith(answer) && found.endsWith(squeeze(ending));
}

function textOf(part: { type: string; text?: string }): string | undefined {
  return part.type === 'text' ? part.text : undefined;
}

/** A text without its white space. */
function squeeze(text: string): string {
  return text.replace(/\s+/g, '');
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
