import { z } from 'zod';
import type { Format, Probe, ReadContext } from '../format.ts';
import { type Message, Role, type Sample } from '../sample.ts';
import { idOf, isObject, type ReadResult, rowError } from './build.ts';

const Part = z.union([
  z.strictObject({ t: z.literal('text'), s: z.string() }),
  z.strictObject({ t: z.literal('image'), i: z.int().nonnegative() }),
  z.strictObject({ t: z.literal('video'), i: z.int().nonnegative() }),
]);

const Turn = z.object({ role: Role, parts: z.array(Part), call: z.literal(true).optional() });

const Row = z.object({
  media: z.object({
    images: z.array(z.string()),
    videos: z.array(z.union([z.string(), z.array(z.string()).nonempty()])).default([]),
  }),
  messages: z.array(Turn),
  meta: z.record(z.string(), z.unknown()).default({}),
  preference: z.object({ from: z.int().nonnegative(), rejected: z.array(Turn) }).optional(),
});

/** The neutral sample itself, with short keys, one a line: holds everything, loses nothing. For pipes and for tests. */
export const neutral: Format = {
  name: 'neutral',
  order: 90,
  keepsObjects: true,
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
    const { media, messages, meta, preference } = parsed.data;
    const images = media.images.map((path) => ({ path }));
    const videos = media.videos.map((video) =>
      typeof video === 'string' ? { path: video } : { path: video[0]!, frames: video },
    );
    const turns = [...messages, ...(preference?.rejected ?? [])];
    const past = turns
      .flatMap(({ parts }) => parts)
      .find((part) => part.t !== 'text' && part.i >= (part.t === 'image' ? images : videos).length);
    const id = idOf(record as Record<string, unknown>, context);
    const sample: Sample = { id, messages: messages.map(readTurn), media: { images, videos }, meta };
    if (preference !== undefined)
      sample.preference = { from: preference.from, rejected: preference.rejected.map(readTurn) };
    if (past === undefined || past.t === 'text') return { ok: true, sample };
    const have = (past.t === 'image' ? images : videos).length;
    const message = `a part shows ${past.t} ${past.i}, but there are ${have}`;
    return { ...rowError(context, 'PLACEHOLDER_COUNT', message), sample };
  },

  write({ id, media, messages, meta, preference }: Sample) {
    return [
      {
        id,
        media: {
          images: media.images.map(({ path }) => path),
          videos: media.videos.map(({ path, frames }) => frames ?? path),
        },
        messages: messages.map(writeTurn),
        ...(Object.keys(meta).length > 0 ? { meta } : {}),
        preference: preference && { from: preference.from, rejected: preference.rejected.map(writeTurn) },
      },
    ];
  },

  holdsPreferences: true,
  holdsFrames: true,

  cannotHold() {
    return [];
  },
};

function readTurn({ role, parts, call }: z.infer<typeof Turn>): Message {
  const read = parts.map((part): Message['parts'][number] => {
    if (part.t === 'text') return { type: 'text', text: part.s };
    return part.t === 'image' ? { type: 'image', image: part.i } : { type: 'video', video: part.i };
  });
  return call ? { role, parts: read, call: true } : { role, parts: read };
}

function writeTurn({ role, parts, call }: Message): unknown {
  const written = parts.map((part) => {
    if (part.type === 'text') return { t: 'text', s: part.text };
    return part.type === 'image' ? { t: 'image', i: part.image } : { t: 'video', i: part.video };
  });
  return { role, parts: written, call };
}
