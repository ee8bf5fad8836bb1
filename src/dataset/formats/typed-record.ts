import { allMessages, type Message, type Sample } from '../sample.ts';
import type { JsonObject } from './build.ts';
import { metaClashes, metaColumns, shownPaths, unshownMedia } from './limits.ts';

/** Names that have a place of their own in a typed record, or that a table's reader would take for one. */
const COLUMNS = ['id', 'messages', 'images', 'videos', '__key__', 'image', 'video', 'prompt', 'completion'];

/**
 * The record that Parquet and WebDataset hold: `messages` of typed parts, media beside them in the order in which the
 * turns show them. Parts have no key but `type` and `text`: an `image` key anywhere would give every part one in Arrow.
 * A turn that calls a function has `call: true`.
 */
export function typedRecord(sample: Sample): JsonObject {
  const videos = shownPaths(sample, 'video', allMessages(sample));
  return {
    id: sample.id,
    messages: sample.messages.map(typedTurn),
    ...(sample.preference === undefined
      ? {}
      : { chosen_from: sample.preference.from, rejected: sample.preference.rejected.map(typedTurn) }),
    images: shownPaths(sample, 'image', allMessages(sample)),
    ...(videos.length > 0 ? { videos } : {}),
    ...metaColumns(sample.meta, columnsOf(sample)),
  };
}

/** What a typed record can't hold. */
export function typedLimits(sample: Sample): string[] {
  return [...unshownMedia(sample, allMessages(sample)), ...metaClashes(sample.meta, columnsOf(sample))];
}

function columnsOf({ preference }: Sample): string[] {
  return preference === undefined ? COLUMNS : [...COLUMNS, 'chosen_from', 'rejected'];
}

function typedTurn({ role, parts, call }: Message): JsonObject {
  const content = parts.map((part) => (part.type === 'text' ? { type: 'text', text: part.text } : { type: part.type }));
  return { role, content, ...(call ? { call } : {}) };
}
