import { randomUUID } from 'node:crypto';
import { WinnowError } from '../../base/errors.ts';
import type { Message, Sample } from '../../dataset/sample.ts';
import type { SignalContext } from '../signal.ts';
import type { ScoredTail } from './align.ts';
import { asksOf, shownImages, withoutImages } from './ask.ts';
import type { Backend } from './backend.ts';
import type { ImageSource } from './score-row.ts';
import { OF_THE_DATA, spread, unstable } from './self-check.ts';

/** Conversations that are tried: each takes two requests. */
const TRIED = 8;
/** Most likely tokens that must have been seen before something is said of their probabilities. */
const LEAST_TOP = 10;
/** Log-probabilities, nats, that the most likely tokens of a server without a fault don't pile up between. */
const PILE = { below: -0.5, above: -6, width: 0.05, share: 0.2, least: 5 };

/**
 * Score conversations that no cache has seen, because a random word opens them, and at once again, when a cache may
 * have them. Rows of the data set themselves would all be answered from the cache by a server that was asked for them
 * before, alike each time and wrong.
 *
 * @throws WinnowError `SERVER_UNSTABLE` where the two answers differ by more than `tolerance` in the mean;
 * `LOGPROBS_INCONSISTENT` where the most likely tokens' log-probabilities pile up below 0
 */
export async function checkUnseen(
  backend: Backend,
  load: ImageSource,
  { dataset, progress }: SignalContext,
  { selfCheck, tolerance }: { selfCheck: number; tolerance: number },
): Promise<void> {
  const samples = await spread(dataset, Math.min(selfCheck, TRIED));
  const top: number[] = [];
  for (const [i, sample] of samples.entries()) {
    progress?.('checking the server on conversations that it has not seen', i, samples.length);
    try {
      const [cold, warm] = await scoreTwice(sample, backend, load);
      if (cold === undefined || warm === undefined) continue;
      const difference = meanDifference(cold, warm);
      if (!(difference <= tolerance)) {
        throw unstable(
          sample.id,
          `has other numbers when it is scored for the second time (${difference.toFixed(4)} nats a token apart; at most ${tolerance} is taken)`,
        );
      }
      cold.logprobs.forEach((logprob, t) => {
        if (logprob !== null && cold.ranks?.[t] === 1) top.push(logprob);
      });
    } catch (error) {
      // The check of whole rows, which comes next, says what is wrong with them.
      if (!(error instanceof WinnowError) || !(OF_THE_DATA.test(error.code) || error.code === 'TOO_LONG')) throw error;
    }
  }
  checkPile(top);
}

async function scoreTwice(sample: Sample, backend: Backend, load: ImageSource): Promise<(ScoredTail | undefined)[]> {
  const ask = asksOf(opened(sample.messages, randomUUID().slice(0, 8))).at(-1);
  if (ask === undefined || sample.media.videos.length > 0) return [];
  const images = new Map<number, string>();
  for (const image of new Set(shownImages(ask))) {
    const ref = sample.media.images[image];
    if (ref === undefined) return [];
    images.set(image, await load(ref.path, 'image'));
  }
  const answer = await backend.answers(withoutImages(ask));
  return [await backend.score(ask, answer, images), await backend.score(ask, answer, images)];
}

/** The conversation with a word in front of its first text. */
function opened(messages: readonly Message[], word: string): Message[] {
  const first = messages.findIndex(
    ({ role, parts }) => role !== 'assistant' && parts.some(({ type }) => type === 'text'),
  );
  return messages.map((message, k) => {
    if (k !== first) return message;
    const place = message.parts.findIndex(({ type }) => type === 'text');
    const parts = message.parts.map((part, p) =>
      p === place && part.type === 'text' ? { ...part, text: `${word} ${part.text}` } : part,
    );
    return { ...message, parts };
  });
}

function meanDifference(first: ScoredTail, second: ScoredTail): number {
  if (first.ids.length !== second.ids.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  let count = 0;
  first.logprobs.forEach((logprob, t) => {
    const again = second.logprobs[t] ?? null;
    if (logprob === null && again === null) return;
    sum += logprob === null || again === null ? Number.POSITIVE_INFINITY : Math.abs(logprob - again);
    count++;
  });
  return count === 0 ? 0 : sum / count;
}

/**
 * What a model is sure of has log-probabilities just below 0. Where those of the most likely tokens stop at another
 * value and many stand there, something was subtracted from all of them.
 *
 * @throws WinnowError `LOGPROBS_INCONSISTENT`
 */
function checkPile(top: readonly number[]): void {
  if (top.length < LEAST_TOP) return;
  const highest = top.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (highest > PILE.below || highest < PILE.above) return;
  const piled = top.filter((value) => value > highest - PILE.width).length;
  if (piled < Math.max(PILE.least, PILE.share * top.length)) return;
  throw new WinnowError({
    code: 'LOGPROBS_INCONSISTENT',
    message: `Of ${top.length} tokens that the server calls the most likely ones, ${piled} have a log-probability of about ${highest.toFixed(2)} and none a higher one, where those of sure tokens come near 0.`,
    hint: 'What the server returns are no log-probabilities of the model (logits, or shifted values): update it, and start it without logits processors.',
  });
}
