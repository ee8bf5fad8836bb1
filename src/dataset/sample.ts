import { z } from 'zod';

/**
 * One piece of a message. Media parts refer to `Sample.media` by index; `<image>` strings exist only in readers and
 * writers.
 */
export const Part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image'), image: z.int().nonnegative() }),
  z.object({ type: z.literal('video'), video: z.int().nonnegative() }),
]);
export type Part = z.infer<typeof Part>;

export const Role = z.enum(['system', 'user', 'assistant', 'tool']);
export type Role = z.infer<typeof Role>;

export const Message = z.object({
  role: Role,
  parts: z.array(Part),
  /** True for an assistant turn that calls a function; its text is the call as JSON (`{"name", "arguments"}`). */
  call: z.literal(true).optional(),
});
export type Message = z.infer<typeof Message>;

/** A medium by its path: relative to the data set's media root, absolute, an http(s) URL, or a data URI. */
export const MediaRef = z.object({
  path: z.string(),
  /** A video that is given as its frames, in order; `path` is then the first of them. */
  frames: z.array(z.string()).optional(),
});
export type MediaRef = z.infer<typeof MediaRef>;

/**
 * The other side of a preference pair: `messages` from `from` on are the chosen answer, these turns are the rejected
 * one.
 */
const Preference = z.object({ from: z.int().nonnegative(), rejected: z.array(Message) });

/**
 * The neutral sample: what every reader yields and every writer takes.
 * `meta.source` and `meta.category` are known names; columns of the file that have no place here are kept under `meta`
 * by their own name.
 */
export const Sample = z.object({
  id: z.string(),
  messages: z.array(Message),
  media: z.object({ images: z.array(MediaRef), videos: z.array(MediaRef) }),
  meta: z.record(z.string(), z.unknown()),
  preference: Preference.optional(),
  /** The id is a number in the file, and is written as one. */
  numericId: z.literal(true).optional(),
});
export type Sample = z.infer<typeof Sample>;

/** The text parts of one message joined with newlines. */
function messageText(message: Message): string {
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

/** Text of the first user turn: the *instruction* that clustering embeds. Empty when there is none. */
export function instructionOf(sample: Sample): string {
  const first = sample.messages.find((message) => message.role === 'user');
  return first === undefined ? '' : messageText(first);
}

/** Texts of all assistant turns joined with newlines: the *response*. */
export function responseOf(sample: Sample): string {
  return sample.messages
    .filter((message) => message.role === 'assistant')
    .map(messageText)
    .join('\n');
}

/** Every turn of a sample, those of a rejected answer behind the others. */
export function allMessages({ messages, preference }: Sample): Message[] {
  return preference === undefined ? messages : [...messages, ...preference.rejected];
}

/** True for a row without any image or video: it has no visual necessity to measure. */
export function isTextOnly(sample: Sample): boolean {
  return sample.media.images.length === 0 && sample.media.videos.length === 0;
}
