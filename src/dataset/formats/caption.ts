import { isNonFinite, isNumber, numberFrom } from '../exact-number.ts';
import type { Message, Sample } from '../sample.ts';
import { isObject } from './build.ts';
import { turnColumnLimits } from './turn-columns.ts';

/** What an image with a caption is asked, where a format has no question. */
const CAPTION_QUESTION = 'Describe the image.';

/** The turns of a captioned image; of one without a caption the image alone. */
export function captionTurns(caption: string | undefined): Message[] {
  const image: Message = { role: 'user', parts: [{ type: 'image', image: 0 }] };
  if (caption === undefined || caption === '') return [image];
  image.parts.push({ type: 'text', text: CAPTION_QUESTION });
  return [image, { role: 'assistant', parts: [{ type: 'text', text: caption }] }];
}

/** An image, a question about it and its answer, with nothing else: `question` undefined for an image alone. */
export interface Exchange {
  image: string;
  question?: string;
  answer?: string;
}

/** The sample as one exchange about one image that stands before the question; undefined where it is anything else. */
export function exchangeOf(sample: Sample): Exchange | undefined {
  const { messages, media } = sample;
  const [user, reply, ...more] = messages;
  const image = media.images[0]?.path;
  if (image === undefined || media.images.length > 1 || media.videos.length > 0 || more.length > 0) return undefined;
  if (user?.role !== 'user' || user.parts[0]?.type !== 'image' || user.parts.length > 2) return undefined;
  const asked = user.parts[1];
  if (asked !== undefined && asked.type !== 'text') return undefined;
  const question = asked === undefined ? {} : { question: asked.text };
  if (reply === undefined) return { image, ...question };
  const said = reply.parts[0];
  const isAnswer = reply.role === 'assistant' && !reply.call && reply.parts.length === 1 && said?.type === 'text';
  return isAnswer && said.text !== '' ? { image, ...question, answer: said.text } : undefined;
}

/** True where the messages say nothing that a caption doesn't. */
function isCaption({ question, answer }: Exchange): boolean {
  return answer === undefined ? question === undefined : question === CAPTION_QUESTION;
}

/** What formats of one image a row can't hold, in the words of the other formats. */
export function exchangeLimits(sample: Sample, what: 'caption' | 'question'): string[] {
  const { images, videos } = sample.media;
  const lost: string[] = [];
  if (images.length === 0) lost.push('row without an image');
  if (images.length > 1) lost.push(`${images.length} images`);
  if (videos.length > 0) lost.push('video');
  const exchange = exchangeOf(sample);
  const fits = exchange !== undefined && (what === 'caption' ? isCaption(exchange) : exchange.question !== undefined);
  if (!fits && lost.length === 0)
    lost.push(what === 'caption' ? 'conversation that is not a caption' : 'conversation that is not one question');
  return [...lost, ...turnColumnLimits(sample)];
}

/** Ids that stand as whole numbers in most files: a number where it reads back as the same text. */
export function idValue(id: string): unknown {
  return /^(0|[1-9]\d*)$/.test(id) ? numberFrom(id) : id;
}

/** An id that is a text or a number, as text. */
export function idText(value: unknown): string | undefined {
  return typeof value === 'string' || (isNumber(value) && !isNonFinite(value)) ? String(value) : undefined;
}

/** One field of what may be an object. */
export function field(record: unknown, name: string): unknown {
  return isObject(record) ? record[name] : undefined;
}
