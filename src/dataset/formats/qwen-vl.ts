import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Sample } from '../sample.ts';
import { count, isObject, type ReadResult, rowError, TURN_COLUMNS } from './build.ts';
import { hasInlineImages, inlineImageLimits, liftInlineImages } from './inline-images.ts';
import {
  forgottenId,
  idColumn,
  literalTagLimits,
  metaClashes,
  metaColumns,
  shownPaths,
  shownVideos,
  textLimits,
  turnLimits,
  unshownMedia,
} from './limits.ts';
import { llava, readConversations } from './llava.ts';
import { GAPS_COLUMN, renderMessage } from './placeholders.ts';
import { turnColumns } from './turn-columns.ts';

const COLUMNS = ['id', 'image', 'video', 'conversations'];

/**
 * Qwen-VL's fine-tuning file: `conversations` with `<image>` and `<video>` in the questions, `image` and `video` one
 * path or a list. Tags in answers aren't honoured by its loader, and every role that isn't human counts as the
 * assistant. The first Qwen-VL's `<img>path</img>` in the text is read too. Rows have no id of their own; `ids: true`
 * writes one. Source: QwenLM/Qwen3-VL `qwen-vl-finetune/qwenvl/data/data_processor.py`.
 */
export const qwenVl: Format = {
  name: 'qwen-vl',
  order: 80,
  aliases: ['qwen'],
  title: 'Qwen-VL JSON',
  container: 'array',
  extension: '.json',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    const isInline = records.some((record) => hasInlineImages(record.conversations, 'value'));
    if (isInline && !records.some((record) => 'image' in record))
      return {
        confidence: 0.96,
        because: 'records have "conversations" with images inside of the text, <img>path</img>',
      };
    const base = llava.sniff(probe);
    const media = records.some((record) => 'image' in record || 'video' in record);
    if (base.confidence < 0.7 || !media || records.some((record) => 'id' in record))
      return { confidence: 0, because: 'no "conversations" with media and without an id' };
    return { confidence: 0.96, because: 'records have "conversations" and "image" or "video", and no id' };
  },

  read(record: unknown, context: ReadContext): ReadResult {
    if (Array.isArray(record))
      return rowError(
        context,
        'RECORD_SHAPE',
        `a packed row of ${count(record.length, 'sample')}: pack after selecting`,
      );
    return readConversations(withoutInlineImages(record), context, ['image', 'video']);
  },

  write(sample: Sample, { options }: WriteOptions) {
    const turns = sample.messages.filter(({ role, call }) => role === 'user' || (role === 'assistant' && !call));
    if (!turns.some((turn) => turn.role === 'assistant')) return [];
    const many = (paths: (string | string[])[]): unknown =>
      paths.length === 1 && typeof paths[0] === 'string' ? paths[0] : paths;
    const shown = { ...sample, messages: turns };
    const images = shownPaths(shown, 'image');
    const videos = shownVideos(shown);
    return [
      {
        ...idColumn(sample, options),
        ...(images.length > 0 ? { image: many(images) } : {}),
        ...(videos.length > 0 ? { video: many(videos) } : {}),
        conversations: turns.map((turn) => ({
          from: turn.role === 'user' ? 'human' : 'gpt',
          value: renderMessage(sample, turn),
          ...turnColumns(sample, turn),
        })),
        ...metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS, GAPS_COLUMN]),
      },
    ];
  },

  cannotHold(sample: Sample) {
    const { messages } = sample;
    const answers = messages.filter((message) => message.role === 'assistant');
    return [
      ...(messages.some((message) => message.role === 'system') ? ['system turn'] : []),
      ...(messages.some((message) => message.role === 'tool' || message.call) ? ['tool turn'] : []),
      ...(answers.some((turn) => turn.parts.some((part) => part.type !== 'text')) ? ['image in an answer'] : []),
      ...turnLimits(sample),
      ...literalTagLimits(sample, ['image', 'video']),
      ...inlineImageLimits(sample),
      ...unshownMedia(sample),
      ...metaClashes(sample.meta, COLUMNS),
    ];
  },

  holdsFrames: true,

  silentlyDrops: (sample, write) => [...forgottenId(sample, write), ...textLimits(sample)],
};

function withoutInlineImages(record: unknown): unknown {
  if (!isObject(record) || 'image' in record || !Array.isArray(record.conversations)) return record;
  if (!hasInlineImages(record.conversations, 'value')) return record;
  const { turns, images } = liftInlineImages(record.conversations, 'value');
  return { ...record, conversations: turns, image: images };
}
