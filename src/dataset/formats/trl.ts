import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Message, Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, TURN_COLUMNS } from './build.ts';
import { metaClashes, metaColumns, shownPaths, unshownMedia } from './limits.ts';
import { callLimits } from './tool-calls.ts';
import { readTypedParts, type TypedStyle, writeTypedTurns } from './typed-parts.ts';

const COLUMNS = ['id', 'messages', 'prompt', 'completion', 'image', 'images'];

/** Bare image parts; TRL's collator knows no videos. */
const STYLE: TypedStyle = {
  media: (kind) => (kind === 'image' ? { type: 'image' } : undefined),
  plainText: false,
};

/**
 * TRL: `messages` of typed parts with `images`, or `prompt` + `completion` with `images`. Image parts carry nothing but
 * their type (an `image` key anywhere would give every part one once the rows are in Arrow). With plain string contents
 * TRL puts all images before the first user text and looks for no placeholder; so does this reader.
 * Parts that bring their own medium (`image`, `path`, `url`, OpenAI's `image_url`; videos too) are read as they are.
 * Option `form: 'prompt-completion'` writes one row for each assistant turn, prompt = everything before it, id
 * `<id>#<turn>`: the form that trains on answers only.
 * Source: huggingface/trl `data_utils.prepare_multimodal_messages`, SFT's vision collator.
 */
export const trl: Format = {
  name: 'trl',
  title: 'TRL messages + images',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    if (records.some((record) => 'prompt' in record && 'completion' in record)) {
      return { confidence: 0.9, because: 'records have "prompt" and "completion"' };
    }
    const turns = records.flatMap((record) => (Array.isArray(record.messages) ? record.messages : [])).filter(isObject);
    if (turns.length === 0) return { confidence: 0, because: 'no record has "messages"' };
    const parts = turns.flatMap((turn) => (Array.isArray(turn.content) ? turn.content : [])).filter(isObject);
    if (parts.some((part) => part.type === 'image_url'))
      return { confidence: 0.5, because: 'records have "messages" with "image_url" parts' };
    if (parts.length > 0) return { confidence: 0.9, because: 'records have "messages" of typed parts' };
    const media = records.some((record) => 'images' in record || 'image' in record);
    return {
      confidence: media ? 0.7 : 0.5,
      because: `records have "messages" of plain text${media ? ' and "images"' : ''}`,
    };
  },

  read: (record: unknown, context: ReadContext): ReadResult => readTypedParts(record, context, COLUMNS),

  write(sample: Sample, { options }: WriteOptions) {
    const meta = metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS]);
    const turns = (messages: readonly Message[]): JsonObject[] => writeTypedTurns(sample, messages, STYLE);
    if (options.form !== 'prompt-completion') {
      return [{ id: sample.id, messages: turns(sample.messages), images: shownPaths(sample, 'image'), ...meta }];
    }
    return sample.messages.flatMap((message, index) => {
      if (message.role !== 'assistant') return [];
      const prompt = sample.messages.slice(0, index);
      const images = shownPaths({ ...sample, messages: [...prompt, message] }, 'image');
      return [{ id: `${sample.id}#${index}`, prompt: turns(prompt), completion: turns([message]), images, ...meta }];
    });
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const lost: string[] = [];
    if (sample.media.videos.length > 0) lost.push('video');
    lost.push(...callLimits(sample.messages));
    if (options.form === 'prompt-completion' && !sample.messages.some((message) => message.role === 'assistant'))
      lost.push('no answer to train on');
    const images = { ...sample, media: { ...sample.media, videos: [] } };
    return [...lost, ...unshownMedia(images), ...metaClashes(sample.meta, COLUMNS)];
  },
};
