import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Part, Sample } from '../sample.ts';
import {
  assemble,
  count,
  idOf,
  isObject,
  type JsonObject,
  mediaRefs,
  otherColumns,
  type ReadResult,
  rowError,
  TURN_COLUMNS,
} from './build.ts';
import {
  literalTagLimits,
  metaClashes,
  metaColumns,
  shownPaths,
  textLimits,
  turnLimits,
  unshownMedia,
} from './limits.ts';
import { FORM_COLUMN, formColumn, formOf } from './pairs.ts';
import { GAPS_COLUMN, type MediaKind, renderMessage, renderPlaceholders } from './placeholders.ts';
import { readTaggedTurns } from './tagged-turns.ts';
import { turnColumns } from './turn-columns.ts';

const COLUMNS = ['id', 'image', 'video', 'conversations'];

/**
 * LLaVA's training file: one JSON array; `image` is one path, `<image>` stands in the text; no `image` is a text-only
 * row. Option `dialect: 'llava-next'` also writes lists of images, images in later turns, and `video`. Both are read.
 * Source: haotian-liu/LLaVA `train.py` (`preprocess_multimodal`), LLaVA-NeXT.
 */
export const llava: Format = {
  name: 'llava',
  order: 10,
  title: 'LLaVA JSON',
  container: 'array',
  extension: '.json',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    const turns = records.filter((record) => Array.isArray(record.conversations));
    if (turns.length === 0) return { confidence: 0, because: 'no record has "conversations"' };
    const sharegpt = turns.some(
      (record) => 'images' in record || 'videos' in record || 'system' in record || 'tools' in record,
    );
    if (sharegpt)
      return {
        confidence: 0.3,
        because: 'records have "conversations", but also "images", "videos", "system" or "tools"',
      };
    const images = turns.filter((record) => 'image' in record).length;
    if (images > 0) return { confidence: 0.95, because: 'records have "conversations" and "image"' };
    return { confidence: 0.7, because: 'records have "conversations" and no media' };
  },

  read: (record: unknown, context: ReadContext): ReadResult => readConversations(record, context, ['image']),

  write(sample: Sample, { options }: WriteOptions) {
    const next = options.dialect === 'llava-next';
    const turns = sample.messages.filter(({ role, call }) => role === 'user' || (role === 'assistant' && !call));
    if (!turns.some((turn) => turn.role === 'assistant')) return [];
    const first = sample.messages.flatMap((message) => message.parts).find((part) => part.type === 'image');
    const holds = (part: Part): boolean => part.type === 'text' || next || part === first;
    const images = shownPaths(sample, 'image');
    const videos = shownPaths(sample, 'video');
    const many = (paths: string[]): string | string[] => (paths.length === 1 ? paths[0]! : paths);
    return [
      {
        id: sample.id,
        ...(images.length > 0 ? { image: next ? many(images) : images[0] } : {}),
        ...(next && videos.length > 0 ? { video: many(videos) } : {}),
        conversations: turns.map((turn) => ({
          from: turn.role === 'user' ? 'human' : 'gpt',
          value: turn.parts.every(holds)
            ? renderMessage(sample, turn, videoTag(sample))
            : renderPlaceholders(turn.parts.filter(holds)),
          ...turnColumns(sample, turn),
        })),
        ...metaColumns(sample.meta, [
          ...COLUMNS,
          TURN_COLUMNS,
          GAPS_COLUMN,
          ...(videoTag(sample) === '<video>' ? [FORM_COLUMN] : []),
        ]),
      },
    ];
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const next = options.dialect === 'llava-next';
    const lost: string[] = [];
    const images = shownPaths(sample, 'image').length;
    if (!next && images > 1) lost.push(count(images, 'image'));
    if (!next && shownPaths(sample, 'video').length > 0) lost.push('video');
    if (sample.messages.some((message) => message.role === 'system')) lost.push('system turn');
    if (sample.messages.some((message) => message.role === 'tool' || message.call)) lost.push('tool turn');
    if (next && images > 0 && shownPaths(sample, 'video').length > 0) lost.push('image beside a video');
    const users = sample.messages.filter((message) => message.role === 'user');
    const hasMedia = (parts: readonly Part[]): boolean => parts.some((part) => part.type !== 'text');
    if (!next && users.slice(1).some((turn) => hasMedia(turn.parts))) lost.push('image in a later turn');
    if (sample.messages.some((message) => message.role === 'assistant' && hasMedia(message.parts)))
      lost.push('image in an answer');
    const kinds: MediaKind[] = next && shownPaths(sample, 'video').length > 0 ? ['image', 'video'] : ['image'];
    return [
      ...lost,
      ...turnLimits(sample),
      ...literalTagLimits(sample, kinds),
      ...unshownMedia(sample),
      ...metaClashes(sample.meta, COLUMNS),
    ];
  },

  widerOption: (lost) =>
    lost.some((what) => /^(\d+ images|video|image in a later turn)$/.test(what)) ? 'dialect=llava-next' : undefined,

  silentlyDrops: textLimits,
};

/** LLaVA-NeXT knows only `<image>`; a row that had `<video>` keeps it, for the trainer that it was made for. */
function videoTag(sample: Sample): string {
  return formOf(sample).video === '<video>' ? '<video>' : '<image>';
}

/**
 * A record of `conversations` with `image` and `video` beside them. Where it lists a video, `<video>` in text stands
 * for it whatever the kinds.
 */
export function readConversations(record: unknown, context: ReadContext, kinds: readonly MediaKind[]): ReadResult {
  if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
  if (!Array.isArray(record.conversations))
    return rowError(context, 'RECORD_SHAPE', '"conversations" is not a list of turns');
  const lifted = liftNamedImages(record);
  const images = mediaRefs(lifted.image, 'image');
  const videos = mediaRefs(record.video, 'video', 'video');
  if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
  if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
  const first: unknown = lifted.conversations[0];
  const isChat = isObject(first) && 'role' in first && !('value' in first);
  const keys = isChat ? { role: 'role', content: 'content' } : { role: 'from', content: 'value' };
  const shown: readonly MediaKind[] = videos.length > 0 ? ['image', 'video'] : kinds;
  const turns = readTaggedTurns(lifted.conversations, keys, shown);
  if (!Array.isArray(turns)) return rowError(context, turns.code, turns.message);
  const parts = turns.flatMap((turn) => turn.parts);
  const meta = otherColumns(record, COLUMNS);
  const isTagged = parts.some(({ type }) => type === 'video');
  // LLaVA-NeXT's own data has `<image>` in place of a video too.
  if (videos.length > 0 && images.length === 0 && !isTagged)
    for (const part of parts) if (part.type === 'image') part.type = 'video' as never;
  const form = isTagged && !kinds.includes('video') ? formColumn({ video: '<video>' }) : {};
  return assemble({ id: idOf(record, context), turns, images, videos, meta: { ...meta, ...form } }, context);
}

const NAMED = /<image_\d+>/g;

/** MiniCPM-V names its images: `image` is an object of `<image_00>`, and the turns say which one they mean. */
function liftNamedImages(record: JsonObject): { image: unknown; conversations: unknown[] } {
  const image = record.image;
  const conversations = record.conversations as unknown[];
  if (!isObject(image) || !Object.keys(image).every((key) => /^<image_\d+>$/.test(key)))
    return { image, conversations };
  const paths: unknown[] = [];
  const lift = (text: unknown): unknown =>
    typeof text !== 'string'
      ? text
      : text.replace(NAMED, (name) => {
          if (!Object.hasOwn(image, name)) return name;
          paths.push(image[name]);
          return '<image>';
        });
  const turns = conversations.map((turn) =>
    isObject(turn)
      ? { ...turn, ...('value' in turn ? { value: lift(turn.value) } : { content: lift(turn.content) }) }
      : turn,
  );
  const isUnused = (path: unknown): boolean => !paths.includes(path);
  return { image: [...paths, ...Object.values(image).filter(isUnused)], conversations: turns };
}
