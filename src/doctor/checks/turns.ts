import type { Message, Sample } from '../../dataset/sample.ts';
import { quote } from './texts.ts';

/** White space, also kinds that `trim` leaves: an answer of nothing else is empty. */
const BLANK = /^[\s\u00ad\u200b-\u200d\u2060\ufeff]*$/;

/** What keeps a sample from having an answer to train on at its end (D003). */
export function missingAnswer({ messages }: Sample): string | undefined {
  if (!messages.some((message) => message.role === 'assistant'))
    return messages.length === 0 ? 'no turn at all' : 'no assistant turn';
  const last = messages.at(-1)!;
  return last.role === 'assistant' ? undefined : `the last turn is the ${last.role}'s`;
}

/**
 * Where turns don't alternate, beginning with user (D004). A tool's turn stands in the user's place, as in
 * LLaMA-Factory.
 */
export function brokenOrder(messages: readonly Message[]): string | undefined {
  const turns = messages.filter(
    // Calls made at once are one turn.
    (message, index) => !(message.role === 'system' && index === 0) && !(message.call && messages[index - 1]?.call),
  );
  const late = turns.findIndex((message) => message.role === 'system');
  if (late >= 0) return `turn ${late + 1} is a second or late system turn`;
  const place = (message: Message): 'user' | 'assistant' => (message.role === 'assistant' ? 'assistant' : 'user');
  if (turns.length > 0 && turns[0]!.role !== 'user') return `the first turn is the ${turns[0]!.role}'s`;
  const at = turns.findIndex((message, index) => index > 0 && place(message) === place(turns[index - 1]!));
  return at < 0 ? undefined : `turns ${at} and ${at + 1} are both the ${place(turns[at]!)}'s`;
}

/** Where a dialogue begins with an answer (D004). */
export function answerFirst(messages: readonly Message[]): string | undefined {
  const first = messages.find(({ role }) => role !== 'system');
  return first?.role === 'assistant' && messages.some(({ role }) => role === 'user')
    ? "the first turn is the assistant's"
    : undefined;
}

/** Assistant turns without a word (D006). */
export function emptyAnswers({ messages }: Sample): number[] {
  return messages.flatMap((message, index) =>
    message.role === 'assistant' && message.parts.every((part) => part.type === 'text' && BLANK.test(part.text))
      ? [index]
      : [],
  );
}

export function describeEmpty(sample: Sample, turns: readonly number[]): string {
  const first = sample.messages[turns[0]!]!;
  const text = textOf(first);
  return `turn ${turns.join(', ')}: the answer is ${text === '' ? 'empty' : `white space (${quote(text)})`}`;
}

function textOf(message: Message): string {
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}
