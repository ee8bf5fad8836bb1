import { WinnowError } from '../../base/errors.ts';
import type { Message } from '../../dataset/sample.ts';
import type { ResponseSpan } from '../../models/processing/labels.ts';
import type { Ask } from './ask.ts';

/** An ask without its images as token ids, and where its answers are: what every pass must end with. */
export interface AnswerTokens {
  ids: readonly number[];
  /** One for each of the ask's turns. */
  spans: readonly ResponseSpan[];
}

/** The end of a prompt that a server scored: at least all from the first answer on. */
export interface ScoredTail {
  ids: readonly number[];
  logprobs: readonly (number | null)[];
  texts: readonly (string | null)[];
  ranks?: readonly (number | null)[];
  /** Tokens of the whole prompt, images expanded. */
  total: number;
}

/** Losses of the answers' tokens, nats, and their texts where the server says them. */
export interface AnswerLosses {
  losses: number[];
  texts: (string | null)[];
}

/**
 * Losses of an ask's answers. Images only lengthen what comes before, so positions are counted from the end; every id
 * from the first answer on must be that of the tokenised conversation, and the text of each answer must be what the
 * sample says.
 *
 * @param bare the pass shows no image, so that the whole prompt must be the tokenised conversation
 * @throws WinnowError `ALIGNMENT`; `LOGPROBS_MISSING` where a token has none, `LOGPROBS_INVALID` where it is above 0;
 * `LOSS_INFINITE`
 */
export function alignAnswers(ask: Ask, answer: AnswerTokens, tail: ScoredTail, bare: boolean): AnswerLosses {
  if (bare && tail.total !== answer.ids.length)
    throw misaligned(`the prompt has ${tail.total} tokens, and the tokenised conversation ${answer.ids.length}`);
  const first = answer.spans[0]!.start;
  const shift = tail.ids.length - answer.ids.length;
  for (let t = answer.ids.length - 1; t >= first; t--) {
    if (answer.ids[t] === tail.ids[t + shift]) continue;
    const got = t + shift < 0 ? 'nothing' : `token ${tail.ids[t + shift]} (${JSON.stringify(tail.texts[t + shift])})`;
    throw misaligned(
      `${answer.ids.length - t} tokens from the end stands ${got}, not token ${answer.ids[t]} as in the tokenised conversation`,
    );
  }
  const found: AnswerLosses = { losses: [], texts: [] };
  answer.spans.forEach(({ start, end }, i) => {
    const texts = tail.texts.slice(start + shift, end + shift);
    checkText(texts, ask.messages[ask.turns[i]!]!);
    found.texts.push(...texts);
    for (let t = start; t < end; t++) found.losses.push(lossOf(tail.logprobs[t + shift] ?? null, t));
  });
  return found;
}

/**
 * Tokens that the images of a pass add to its prompt.
 * @throws WinnowError `IMAGE_IGNORED` when they add none
 */
export function imageTokens(images: number, withImages: number, without: number): number {
  const added = withImages - without;
  if (images === 0 || added >= images) return added;
  throw new WinnowError({
    code: 'IMAGE_IGNORED',
    message: `The prompt with ${images} image${images === 1 ? '' : 's'} has ${withImages} tokens and without ${without}: the server did not see the image.`,
    hint: 'Serve a vision-language model, and check its chat template.',
  });
}

/** What rounding may put above log 1 = 0. */
const LARGEST_LOGPROB = 0.01;

function lossOf(logprob: number | null, t: number): number {
  if (logprob === null) {
    throw new WinnowError({
      code: 'LOGPROBS_MISSING',
      message: `The server gives no log-probability at token ${t} of an answer: it read the token from its prefix cache.`,
      hint: 'Start the server with --no-enable-prefix-caching (SGLang: --disable-radix-cache).',
    });
  }
  if (logprob > LARGEST_LOGPROB) {
    throw new WinnowError({
      code: 'LOGPROBS_INVALID',
      message: `Token ${t} of an answer has the log-probability ${logprob}, and none is above 0.`,
      hint: 'What the server returns are no log-probabilities: update it.',
    });
  }
  if (Number.isFinite(logprob)) return -logprob;
  throw new WinnowError({
    code: 'LOSS_INFINITE',
    message: `Token ${t} of an answer has probability 0, so the row has no finite loss.`,
    hint: 'Drop the row, or measure it with another model.',
  });
}

/** Spelling apart from white space, width and case, which tokenizers change. */
const spelled = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, '');

/**
 * The answer's tokens must read as the answer. A token that holds a part of a character reads as U+FFFD, which may be
 * anything.
 */
function checkText(texts: readonly (string | null)[], message: Message): void {
  if (texts.includes(null)) return;
  const wanted = spelled(message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(''));
  const [head = '', ...rest] = spelled(texts.join('')).split(/\uFFFD+/);
  if (rest.length === 0 ? head.startsWith(wanted) : wanted.startsWith(head)) return;
  throw misaligned(
    `the tokens of the answer read ${JSON.stringify(texts.join('').slice(0, 60))}, and the answer is ${JSON.stringify(wanted.slice(0, 60))}`,
  );
}

function misaligned(what: string): WinnowError {
  return new WinnowError({
    code: 'ALIGNMENT',
    message: `The server's tokens don't match the conversation: ${what}.`,
    hint: "Check that the server uses the model's own chat template, or give its tokenizer with --tokenizer.",
  });
}
