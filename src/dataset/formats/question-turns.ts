import { exactJson } from '../exact-number.ts';
import type { Message } from '../sample.ts';

/** A question about the first image, and its answer where there is one. */
export function questionTurns(question: string, answer: unknown): Message[] {
  const asked: Message = {
    role: 'user',
    parts: [
      { type: 'image', image: 0 },
      { type: 'text', text: question },
    ],
  };
  if (answer === undefined || answer === null || answer === '') return [asked];
  const text = typeof answer === 'string' ? answer : exactJson(answer);
  return [asked, { role: 'assistant', parts: [{ type: 'text', text }] }];
}
