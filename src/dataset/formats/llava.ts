import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Part, Sample } from '../sample.ts';
import {
  assemble,
  count,
  idOf,
  isObject,
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
          value: turn.parts.every(holds) ? renderMessage(sample, turn) : renderPlaceholders(turn.parts.filter(holds)),
          ...turnColumns(sample, turn),
        })),
        ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS, GAPS_COLUMN]),
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

  forgets: textLimits,
};

/**
 * A record of `conversations` with `image` and `video` beside them. Where it lists a video, `<video>` in text stands
 * for it whatever the kinds.
 */
export function readConversations(record: unknown, context: ReadContext, kinds: readonly MediaKind[]): ReadResult {
  if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
  if (!Array.isArray(record.conversations))
    return rowError(context, 'RECORD_SHAPE', '"conversations" is not a list of turns');
  const images = mediaRefs(record.image, 'image');
  const videos = mediaRefs(record.video, 'video');
  if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
  if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
  const shown: readonly MediaKind[] = videos.length > 0 ? ['image', 'video'] : kinds;
  const turns = readTaggedTurns(record.conversations, { role: 'from', content: 'value' }, shown);
  if (!Array.isArray(turns)) return rowError(context, turns.code, turns.message);
  return assemble({ id: idOf(record, context), turns, images, videos, meta: otherColumns(record, COLUMNS) }, context);
}
