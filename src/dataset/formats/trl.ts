import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { Message, Sample } from '../sample.ts';
import { isObject, type JsonObject, type ReadResult, TURN_COLUMNS } from './build.ts';
import { metaClashes, metaColumns, shownPaths, unshownMedia } from './limits.ts';
import { FORM_COLUMN, formOf, pairLimits } from './pairs.ts';
import { GAPS_COLUMN } from './placeholders.ts';
import { callLimits, withoutOrphans } from './tool-calls.ts';
import { readTypedParts, type TypedStyle, writeTypedTurns } from './typed-parts.ts';

const COLUMNS = ['id', 'messages', 'prompt', 'completion', 'image', 'images'];
const PAIR = ['chosen', 'rejected'];

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
  order: 40,
  title: 'TRL messages + images',
  container: 'lines',
  extension: '.jsonl',

  sniff(probe: Probe) {
    const records = probe.records.filter(isObject);
    const isSide = (value: unknown): boolean =>
      typeof value === 'string' || (Array.isArray(value) && isObject(value[0]));
    if (
      records.some(
        ({ chosen, rejected, conversations, instruction }) =>
          isSide(chosen) && isSide(rejected) && conversations === undefined && instruction === undefined,
      )
    )
      return { confidence: 0.9, because: 'records have "chosen" and "rejected"' };
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
    const { messages, preference } = sample;
    const meta = metaColumns(sample.meta, [...COLUMNS, TURN_COLUMNS, FORM_COLUMN, ...(preference ? PAIR : [])]);
    const turns = (some: readonly Message[]): JsonObject[] => writeTypedTurns(sample, some, STYLE);
    const form = formOf(sample);
    // Fields that were plain strings are so again: TRL puts no chat template around them.
    const side = (name: string, some: readonly Message[]): unknown =>
      form.text?.includes(name) ? plainText(some) : turns(some);
    const images = shownPaths({ ...sample, messages: withoutOrphans(messages) }, 'image');
    if (preference !== undefined && options.form !== 'prompt-completion') {
      const before = messages.slice(0, preference.from);
      const [prompt, lead] = form.whole
        ? [{}, before]
        : [before.length > 0 ? { prompt: side('prompt', before) } : {}, []];
      const chosen = side('chosen', [...lead, ...messages.slice(preference.from)]);
      return [
        {
          id: sample.id,
          ...prompt,
          chosen,
          rejected: side('rejected', [...lead, ...preference.rejected]),
          images,
          ...meta,
        },
      ];
    }
    if (options.form === undefined && form.prompt !== undefined && form.prompt < messages.length) {
      const prompt = side('prompt', messages.slice(0, form.prompt));
      return [{ id: sample.id, prompt, completion: side('completion', messages.slice(form.prompt)), images, ...meta }];
    }
    if (options.form !== 'prompt-completion') return [{ id: sample.id, messages: turns(messages), images, ...meta }];
    return sample.messages.flatMap((message, index) => {
      if (message.role !== 'assistant') return [];
      const prompt = sample.messages.slice(0, index);
      const images = shownPaths({ ...sample, messages: [...prompt, message] }, 'image');
      const gaps = sample.meta[GAPS_COLUMN];
      const own = Array.isArray(gaps) ? { [GAPS_COLUMN]: gaps.slice(0, index + 1) } : {};
      return [
        { id: `${sample.id}#${index}`, prompt: turns(prompt), completion: turns([message]), images, ...meta, ...own },
      ];
    });
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const lost: string[] = [];
    if (sample.media.videos.length > 0) lost.push('video');
    lost.push(...callLimits(sample.messages));
    if (options.form === 'prompt-completion' && !sample.messages.some((message) => message.role === 'assistant'))
      lost.push('no answer to train on');
    const images = { ...sample, media: { ...sample.media, videos: [] } };
    return [
      ...lost,
      ...unshownMedia(images),
      ...pairLimits(sample).filter((what) => what.startsWith('image')),
      ...metaClashes(sample.meta, [...COLUMNS, ...(sample.preference ? PAIR : [])]),
    ];
  },

  holdsPreferences: true,
};

/** The texts of messages as one string, media left out: they stand in a list of their own. */
function plainText(messages: readonly Message[]): string {
  return messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))).join('\n');
}
