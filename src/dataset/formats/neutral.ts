import { z } from 'zod';
import type { Format, Probe, ReadContext } from '../format.ts';
import { type Message, Role, type Sample } from '../sample.ts';
import { idOf, isObject, type ReadResult, rowError } from './build.ts';

const Part = z.union([
  z.strictObject({ t: z.literal('text'), s: z.string() }),
  z.strictObject({ t: z.literal('image'), i: z.int().nonnegative() }),
  z.strictObject({ t: z.literal('video'), i: z.int().nonnegative() }),
]);

const Row = z.object({
  media: z.object({ images: z.array(z.string()), videos: z.array(z.string()).default([]) }),
  messages: z.array(z.object({ role: Role, parts: z.array(Part), call: z.literal(true).optional() })),
  meta: z.record(z.string(), z.unknown()).default({}),
});

/** The neutral sample itself, with short keys, one a line: holds everything, loses nothing. For pipes and for tests. */
export const neutral: Format = {
  name: 'neutral',
  title: 'Winnow neutral JSONL',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const fits = probe.records.some(
      (record) => isObject(record) && isObject(record.media) && Array.isArray(record.messages),
    );
    return {
      confidence: fits ? 1 : 0,
      because: fits ? 'records have "media" and "messages" with parts' : 'no "media" object',
    };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    const parsed = Row.safeParse(record);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      return rowError(context, 'RECORD_SHAPE', `${issue.path.join('.')}: ${issue.message}`);
    }
    const { media, messages, meta } = parsed.data;
    const images = media.images.map((path) => ({ path }));
    const videos = media.videos.map((path) => ({ path }));
    const out: Message[] = [];
    let past: string | undefined;
    for (const message of messages) {
      const parts: Message['parts'] = message.parts.map((part) => {
        if (part.t === 'text') return { type: 'text', text: part.s };
        return part.t === 'image' ? { type: 'image', image: part.i } : { type: 'video', video: part.i };
      });
      for (const part of message.parts) {
        if (part.t === 'text') continue;
        const have = (part.t === 'image' ? images : videos).length;
        if (part.i >= have) past ??= `a part shows ${part.t} ${part.i}, but there are ${have}`;
      }
      out.push(message.call ? { role: message.role, parts, call: true } : { role: message.role, parts });
    }
    const id = idOf(record as Record<string, unknown>, context);
    const sample = { id, messages: out, media: { images, videos }, meta };
    return past === undefined ? { ok: true, sample } : { ...rowError(context, 'PLACEHOLDER_COUNT', past), sample };
  },

  write(sample: Sample) {
    return [
      {
        id: sample.id,
        media: {
          images: sample.media.images.map(({ path }) => path),
          videos: sample.media.videos.map(({ path }) => path),
        },
        messages: sample.messages.map((message) => ({
          role: message.role,
          parts: message.parts.map((part) => {
            if (part.type === 'text') return { t: 'text', s: part.text };
            return part.type === 'image' ? { t: 'image', i: part.image } : { t: 'video', i: part.video };
          }),
          ...(message.call ? { call: true } : {}),
        })),
        ...(Object.keys(sample.meta).length > 0 ? { meta: sample.meta } : {}),
      },
    ];
  },

  cannotHold() {
    return [];
  },
};
