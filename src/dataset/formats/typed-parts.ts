import type { ReadContext } from '../format.ts';
import { HEAD_BYTES, mediaTypeOf } from '../media/media-type.ts';
import type { MediaRef, Message, Sample } from '../sample.ts';
import {
  assemble,
  asText,
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
import type { MediaKind } from './placeholders.ts';
import { callsOf, callText } from './tool-calls.ts';
import { columnsOfTurn, turnColumns } from './turn-columns.ts';

/**
 * Read a record whose `messages` (or `prompt` and `completion`) have contents of typed parts: TRL, OpenAI chat,
 * axolotl. A part with a medium of its own (`image`, `path`, `url`, `base64`, `image_url`; of videos also `video`,
 * `video_url`) brings it; one without takes the next of `images` / `videos`. Where all contents are plain strings, the
 * listed images stand before the first user text, as in TRL.
 */
export function readTypedParts(record: unknown, context: ReadContext, own: readonly string[]): ReadResult {
  if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
  const list = turnsOf(record);
  if (list === undefined)
    return rowError(context, 'RECORD_SHAPE', 'neither "messages" nor "prompt" with "completion" holds turns');
  const media = { image: listed(record, 'image'), video: own.includes('videos') ? listed(record, 'video') : [] };
  for (const refs of [media.image, media.video])
    if (typeof refs === 'string') return rowError(context, 'MEDIA_SHAPE', refs);
  const waiting = media as Record<MediaKind, MediaRef[]>;
  const found: Record<MediaKind, MediaRef[]> = { image: [], video: [] };
  const turns: Turn[] = [];
  for (const [index, turn] of list.entries()) {
    if (!isObject(turn)) return rowError(context, 'RECORD_SHAPE', `turn ${index} is not an object`);
    const role = ROLE_NAMES.get(asText(turn.role));
    if (role === undefined)
      return rowError(context, 'ROLE_UNKNOWN', `turn ${index} has role ${JSON.stringify(turn.role)}`);
    const read = readContent(turn, waiting, found);
    if (typeof read === 'string') return rowError(context, 'RECORD_SHAPE', `turn ${index} ${read}`);
    turns.push({ ...role, ...read });
  }
  const typed = list.some((turn) => isObject(turn) && Array.isArray(turn.content));
  const firstUser = turns.find((turn) => turn.role === 'user');
  if (!typed && firstUser !== undefined) {
    firstUser.parts.unshift(...waiting.image.map(() => ({ type: 'image' }) as const));
    found.image.push(...waiting.image.splice(0));
  }
  // What is left was listed but never asked for: counted, so that both numbers are in the message.
  const images = [...found.image, ...waiting.image];
  const videos = [...found.video, ...waiting.video];
  return assemble({ id: idOf(record, context), turns, images, videos, meta: otherColumns(record, own) }, context);
}

/** Media listed beside the turns, under the plural name or the singular one. */
function listed(record: JsonObject, kind: MediaKind): MediaRef[] | string {
  const column = record[`${kind}s`] === undefined || record[`${kind}s`] === null ? kind : `${kind}s`;
  return mediaRefs(record[column], column);
}

function turnsOf(record: JsonObject): unknown[] | undefined {
  if (Array.isArray(record.messages)) return record.messages;
  const asTurns = (value: unknown, role: string): unknown[] | undefined =>
    typeof value === 'string' ? [{ role, content: value }] : Array.isArray(value) ? value : undefined;
  const prompt = asTurns(record.prompt, 'user');
  const completion = asTurns(record.completion, 'assistant');
  return prompt === undefined || completion === undefined ? undefined : [...prompt, ...completion];
}

/** Content of one turn, or what is wrong with it. */
function readContent(
  turn: JsonObject,
  waiting: Record<MediaKind, MediaRef[]>,
  found: Record<MediaKind, MediaRef[]>,
): Pick<Turn, 'parts' | 'call' | 'columns'> | string {
  const { content } = turn;
  if (Array.isArray(turn.tool_calls) && turn.tool_calls.length > 0) {
    const said = content === '' || content === null || content === undefined ? ['content'] : [];
    const ids = turn.tool_calls.map((call) => (isObject(call) && typeof call.id === 'string' ? call.id : null));
    const kept = ids.every((id) => id !== null) ? { tool_call_ids: ids } : {};
    const columns = columnsOfTurn({ ...turn, ...kept }, ['role', 'tool_calls', ...said]);
    return {
      call: true,
      parts: [{ type: 'text', text: callText(turn.tool_calls) }],
      ...(columns === undefined ? {} : { columns }),
    };
  }
  const columns = columnsOfTurn({ ...turn, ...detailsOf(content) }, ['role', 'content', 'tool_calls']);
  const about = columns === undefined ? {} : { columns };
  if (typeof content === 'string') return { parts: content === '' ? [] : [{ type: 'text', text: content }], ...about };
  if (!Array.isArray(content)) return 'has no content';
  const parts: Turn['parts'] = [];
  for (const part of content) {
    if (!isObject(part)) return 'has a part that is not an object';
    const kind = MEDIA_TYPES.get(asText(part.type));
    if (part.type === 'text' && typeof part.text === 'string') parts.push({ type: 'text', text: part.text });
    else if (kind !== undefined) {
      const own = mediaRefs(payload(part, kind), kind);
      if (typeof own === 'string') return `: ${own}`;
      if (own.length > 1) return `has a ${kind} part with ${own.length} files`;
      if (own.length === 0 && kind === 'video' && waiting.video.length === 0) return 'has a video part without a path';
      found[kind].push(...(own.length > 0 ? own : waiting[kind].splice(0, 1)));
      parts.push({ type: kind });
    } else return `has a part of type ${JSON.stringify(part.type)}`;
  }
  return { parts, ...about };
}

/** In how much detail OpenAI's models are to see the images of a turn, where it says anything but `auto`. */
function detailsOf(content: unknown): JsonObject {
  if (!Array.isArray(content)) return {};
  const details = content
    .filter((part) => isObject(part) && MEDIA_TYPES.has(asText(part.type)))
    .map((part: JsonObject) => (isObject(part.image_url) ? (part.image_url.detail ?? null) : null));
  return details.some((detail) => detail !== null && detail !== 'auto') ? { image_details: details } : {};
}

const MEDIA_TYPES = new Map<string, MediaKind>([
  ['image', 'image'],
  ['image_url', 'image'],
  ['input_image', 'image'],
  ['video', 'video'],
  ['video_url', 'video'],
]);

function payload(part: JsonObject, kind: MediaKind): unknown {
  if (typeof part.base64 === 'string') return dataUri(part.base64);
  return part[kind] ?? part.path ?? part.url ?? part[`${kind}_url`];
}

function dataUri(base64: string): string {
  if (base64.startsWith('data:')) return base64;
  const type = mediaTypeOf(Buffer.from(base64.slice(0, 2 * HEAD_BYTES), 'base64'));
  return `data:${type?.mimes[0] ?? 'application/octet-stream'};base64,${base64}`;
}

export interface TypedStyle {
  /** The part for a medium; undefined where the format has none for its kind. `detail` is OpenAI's. */
  media(kind: MediaKind, path: string, detail: unknown): JsonObject | undefined;
  /** A turn of one text is written as a plain string. */
  plainText: boolean;
}

/** Messages as turns of typed parts, with what single turns carry. */
export function writeTypedTurns(sample: Sample, messages: readonly Message[], style: TypedStyle): JsonObject[] {
  return messages.map((message) => {
    const { tool_call_ids: ids, image_details: details, ...others } = turnColumns(sample, message);
    const calls = message.call ? callsOf(message) : undefined;
    if (calls !== undefined) {
      const named = Array.isArray(ids) ? calls.map((call, index) => ({ id: ids[index] as unknown, ...call })) : calls;
      return { role: 'assistant', tool_calls: named, ...others };
    }
    const inDetail: unknown[] = Array.isArray(details) ? [...details] : [];
    const content = message.parts.flatMap((part): JsonObject[] => {
      if (part.type === 'text') return [{ type: 'text', text: part.text }];
      const ref = part.type === 'image' ? sample.media.images[part.image] : sample.media.videos[part.video];
      const written = style.media(part.type, ref?.path ?? '', inDetail.shift());
      return written === undefined ? [] : [written];
    });
    const only = style.plainText && content.length <= 1 ? (content[0] ?? { type: 'text', text: '' }) : undefined;
    return { role: message.role, content: only?.type === 'text' ? only.text : content, ...others };
  });
}
