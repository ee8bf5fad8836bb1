import type { Format, Probe, ReadContext, WriteOptions } from '../format.ts';
import type { MediaRef, Message, Sample } from '../sample.ts';
import {
  assemble,
  idOf,
  isObject,
  type JsonObject,
  mediaRefs,
  otherColumns,
  type ReadResult,
  ROLE_NAMES,
  rowError,
  type Turn,
} from './build.ts';
import { metaClashes, metaColumns, unshownMedia } from './limits.ts';

const COLUMNS = ['id', 'messages', 'prompt', 'completion', 'image', 'images'];

/**
 * TRL: `messages` of typed parts with `images`, or `prompt` + `completion` with `images`. Image parts carry nothing but
 * their type (an `image` key anywhere would give every part one once the rows are in Arrow). With plain string contents
 * TRL puts all images before the first user text and looks for no placeholder; so does this reader.
 * Parts that bring their own medium (`image`, `path`, `url`, OpenAI's `image_url`; videos too) are read as they are.
 * Option `form: 'prompt-completion'` writes one row for each assistant turn, prompt = everything before it, id `<id>#<turn>`:
 * the form that trains on answers only.
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

  read(record: unknown, context: ReadContext): ReadResult {
    if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
    const list = turnsOf(record);
    if (list === undefined)
      return rowError(context, 'RECORD_SHAPE', 'neither "messages" nor "prompt" with "completion" holds turns');
    const column = record.images === undefined || record.images === null ? 'image' : 'images';
    const listed = mediaRefs(record[column], column);
    if (typeof listed === 'string') return rowError(context, 'MEDIA_SHAPE', listed);
    const waiting = [...listed];
    const images: MediaRef[] = [];
    const videos: MediaRef[] = [];
    const turns: Turn[] = [];
    for (const [index, turn] of list.entries()) {
      if (!isObject(turn)) return rowError(context, 'RECORD_SHAPE', `turn ${index} is not an object`);
      const role = ROLE_NAMES.get(turn.role as string);
      if (role === undefined)
        return rowError(context, 'ROLE_UNKNOWN', `turn ${index} has role ${JSON.stringify(turn.role)}`);
      const read = readContent(turn, index, waiting, images, videos);
      if (typeof read === 'string') return rowError(context, 'RECORD_SHAPE', read);
      turns.push({ ...role, ...read });
    }
    const typed = list.some((turn) => isObject(turn) && Array.isArray(turn.content));
    const firstUser = turns.find((turn) => turn.role === 'user');
    if (!typed && firstUser !== undefined) {
      firstUser.parts.unshift(...waiting.map(() => ({ type: 'image' }) as const));
      images.push(...waiting.splice(0));
    }
    // What is left was listed but never asked for: counted, so that both numbers are in the message.
    images.push(...waiting);
    return assemble({ id: idOf(record, context), turns, images, videos, meta: otherColumns(record, COLUMNS) }, context);
  },

  write(sample: Sample, { options }: WriteOptions) {
    const meta = metaColumns(sample.meta, COLUMNS);
    if (options.form !== 'prompt-completion') {
      const { turns, images } = writeTurns(sample, sample.messages);
      return [{ id: sample.id, messages: turns, images, ...meta }];
    }
    return sample.messages.flatMap((message, index) => {
      if (message.role !== 'assistant') return [];
      const { turns, images } = writeTurns(sample, sample.messages.slice(0, index + 1));
      return [
        { id: `${sample.id}#${index}`, prompt: turns.slice(0, -1), completion: turns.slice(-1), images, ...meta },
      ];
    });
  },

  cannotHold(sample: Sample, { options }: WriteOptions) {
    const lost: string[] = [];
    if (sample.media.videos.length > 0) lost.push('video');
    if (sample.messages.some((message) => message.call && callsOf(message) === undefined))
      lost.push('function call that is not JSON');
    if (options.form === 'prompt-completion' && !sample.messages.some((message) => message.role === 'assistant'))
      lost.push('no answer to train on');
    const images = { ...sample, media: { ...sample.media, videos: [] } };
    return [...lost, ...unshownMedia(images), ...metaClashes(sample.meta, COLUMNS)];
  },
};

function turnsOf(record: JsonObject): unknown[] | undefined {
  if (Array.isArray(record.messages)) return record.messages;
  const asTurns = (value: unknown, role: string): unknown[] | undefined =>
    typeof value === 'string' ? [{ role, content: value }] : Array.isArray(value) ? value : undefined;
  const prompt = asTurns(record.prompt, 'user');
  const completion = asTurns(record.completion, 'assistant');
  return prompt === undefined || completion === undefined ? undefined : [...prompt, ...completion];
}

/** Content of one turn. Parts without a payload take the next listed image; those with one bring their own. */
function readContent(
  turn: JsonObject,
  index: number,
  waiting: MediaRef[],
  images: MediaRef[],
  videos: MediaRef[],
): Pick<Turn, 'parts' | 'call'> | string {
  if (Array.isArray(turn.tool_calls) && turn.tool_calls.length > 0) {
    const calls = turn.tool_calls.map((call) => (isObject(call) && isObject(call.function) ? call.function : call));
    return { call: true, parts: [{ type: 'text', text: JSON.stringify(calls.length === 1 ? calls[0] : calls) }] };
  }
  const content = turn.content;
  if (typeof content === 'string') return { parts: content === '' ? [] : [{ type: 'text', text: content }] };
  if (!Array.isArray(content)) return `turn ${index} has no content`;
  const parts: Turn['parts'] = [];
  for (const part of content) {
    if (!isObject(part)) return `turn ${index} has a part that is not an object`;
    if (part.type === 'text' && typeof part.text === 'string') parts.push({ type: 'text', text: part.text });
    else if (part.type === 'image' || part.type === 'image_url') {
      const own = mediaRefs(part.image ?? part.path ?? part.url ?? part.image_url, 'image');
      if (typeof own === 'string') return `turn ${index}: ${own}`;
      images.push(...(own.length > 0 ? own : waiting.splice(0, 1)));
      parts.push({ type: 'image' });
    } else if (part.type === 'video') {
      const own = mediaRefs(part.video ?? part.path ?? part.url, 'video');
      if (typeof own === 'string' || own.length !== 1) return `turn ${index} has a video part without a path`;
      videos.push(...own);
      parts.push({ type: 'video' });
    } else return `turn ${index} has a part of type ${JSON.stringify(part.type)}`;
  }
  return { parts };
}

function writeTurns(sample: Sample, messages: readonly Message[]): { turns: JsonObject[]; images: string[] } {
  const images: string[] = [];
  const turns = messages.map((message) => {
    const calls = message.call ? callsOf(message) : undefined;
    if (calls !== undefined) return { role: 'assistant', tool_calls: calls };
    const content = message.parts.flatMap((part): JsonObject[] => {
      if (part.type === 'text') return [{ type: 'text', text: part.text }];
      if (part.type === 'video') return [];
      images.push(sample.media.images[part.image]?.path ?? '');
      return [{ type: 'image' }];
    });
    return { role: message.role, content };
  });
  return { turns, images };
}

/** A function call's text as `tool_calls`, if it is such JSON and reads back as the same text. */
function callsOf(message: Message): JsonObject[] | undefined {
  const [part, ...more] = message.parts;
  if (part?.type !== 'text' || more.length > 0) return undefined;
  try {
    const calls: unknown = JSON.parse(part.text);
    if (JSON.stringify(calls) !== part.text) return undefined;
    const list = Array.isArray(calls) ? (calls.length > 1 ? calls : []) : [calls];
    if (list.length === 0 || !list.every((call) => isObject(call) && typeof call.name === 'string')) return undefined;
    return list.map((call) => ({ type: 'function', function: call as JsonObject }));
  } catch {
    return undefined;
  }
}
