import type { WriteOptions } from '../format.ts';
import { allMessages, type Message, type Sample } from '../sample.ts';
import { count, type JsonObject } from './build.ts';
import { literalTags, type MediaKind } from './placeholders.ts';

/** Media that no part shows: lost by every format that lists media by their placeholders. */
export function unshownMedia(sample: Sample, messages: readonly Message[] = sample.messages): string[] {
  const shown = { image: new Set<number>(), video: new Set<number>() };
  for (const part of messages.flatMap((message) => message.parts)) {
    if (part.type === 'image') shown.image.add(part.image);
    if (part.type === 'video') shown.video.add(part.video);
  }
  const missing = [
    [sample.media.images.length - shown.image.size, 'image'],
    [sample.media.videos.length - shown.video.size, 'video'],
  ] as const;
  return missing.filter(([n]) => n > 0).map(([n, noun]) => `${count(n, noun)} that no turn shows`);
}

/** Meta keys that would overwrite a column of the format. */
export function metaClashes(meta: JsonObject, columns: readonly string[]): string[] {
  return Object.keys(meta)
    .filter((key) => columns.includes(key))
    .map((key) => `column "${key}" of another format`);
}

/** Text that would be read back as media. */
export function literalTagLimits(sample: Sample, kinds: readonly MediaKind[]): string[] {
  const tags = new Set(allMessages(sample).flatMap((message) => literalTags(message.parts, kinds)));
  return [...tags].map((tag) => `literal "${tag}" in text`);
}

/**
 * What trainers that need strict turns refuse: user (or tool) and assistant in turn, beginning with user, ending with
 * assistant.
 */
export function turnLimits(sample: Sample): string[] {
  // Calls made at once are one turn.
  const turns = sample.messages.filter(
    (message, index, all) => message.role !== 'system' && !(message.call && all[index - 1]?.call),
  );
  if (!turns.some((turn) => turn.role === 'assistant')) return ['no answer to train on'];
  const strict = turns.every((turn, index) => (turn.role === 'assistant') === (index % 2 === 1));
  return strict && turns.length % 2 === 0 && turns[0]!.role === 'user' ? [] : ['turns that do not alternate'];
}

/** Media paths in the order in which the turns show them; what the string formats list beside the text. */
export function shownPaths(sample: Sample, kind: MediaKind, messages: readonly Message[] = sample.messages): string[] {
  return messages.flatMap((message) =>
    message.parts.flatMap((part) => {
      if (part.type === 'image' && kind === 'image') return [sample.media.images[part.image]?.path ?? ''];
      if (part.type === 'video' && kind === 'video') return [sample.media.videos[part.video]?.path ?? ''];
      return [];
    }),
  );
}

/** Videos in the order in which the turns show them: paths, or lists of frames. */
export function shownVideos(sample: Sample): (string | string[])[] {
  return sample.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => {
      const ref = part.type === 'video' ? sample.media.videos[part.video] : undefined;
      return part.type === 'video' ? [ref?.frames ?? ref?.path ?? ''] : [];
    }),
  );
}

/** Meta columns that may be written beside the format's own. */
export function metaColumns(meta: JsonObject, columns: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => !columns.includes(key)));
}

/** Where turns are one text each: parts of text side by side become one, with a newline between them. */
export function textLimits(sample: Sample): string[] {
  const messages = allMessages(sample);
  const joined = messages.some(({ parts }) =>
    parts.some((part, index) => part.type === 'text' && parts[index + 1]?.type === 'text'),
  );
  const empty = messages.some(({ parts }) => parts.some((part) => part.type === 'text' && part.text === ''));
  return [...(joined ? ['border between two texts of one turn'] : []), ...(empty ? ['text part that is empty'] : [])];
}

/** `id` for formats whose rows have none of their own, where the option `ids` asks for it. */
export function idColumn(sample: Sample, options: Readonly<JsonObject>): JsonObject {
  return options.ids === true ? { id: sample.id } : {};
}

/** Said, not refused: no trainer reads ids, and these formats have no place for them. */
export function forgottenId(sample: Sample, { options }: WriteOptions): string[] {
  return options.ids === true || /#\d+$/.test(sample.id) ? [] : ['id (--option ids=true keeps it)'];
}
