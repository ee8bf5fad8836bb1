import type { ReadContext } from '../format.ts';
import { HEAD_BYTES, mediaTypeOf } from '../media/media-type.ts';
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
  type RoleName,
  rowError,
  scalarToString,
  type Turn,
} from './build.ts';
import { commonStart, formColumn, type RowForm } from './pairs.ts';
import type { MediaKind } from './placeholders.ts';
import {
  type ArgumentsStyle,
  callText,
  callTexts,
  gatheredColumns,
  groupCalls,
  LIST_COLUMN,
  readToolCalls,
  withoutOrphans,
  writeToolCall,
} from './tool-calls.ts';
import { columnsOfTurn, turnColumns } from './turn-columns.ts';

/**
 * Read a record whose `messages` (or `prompt` and `completion`) have contents of typed parts: TRL, OpenAI chat,
 * axolotl. A part with a medium of its own (`image`, `path`, `url`, `base64`, `image_url`; of videos also `video`,
 * `video_url`) brings it; one without takes the next of `images` / `videos`. Where all contents are plain strings, the
 * listed images stand before the first user text, as in TRL.
 */
export function readTypedParts(
  record: unknown,
  context: ReadContext,
  own: readonly string[],
  style: ArgumentsStyle = 'object',
): ReadResult {
  if (!isObject(record)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
  const row = turnsOf(record);
  if (row === undefined)
    return rowError(context, 'RECORD_SHAPE', 'neither "messages" nor "prompt" with "completion" holds turns');
  const { list } = row;
  /** Turns before each of the row's parts. */
  const begins: number[] = [];
  const media = { image: listed(record, 'image'), video: own.includes('videos') ? listed(record, 'video') : [] };
  for (const refs of [media.image, media.video])
    if (typeof refs === 'string') return rowError(context, 'MEDIA_SHAPE', refs);
  const waiting = media as Record<MediaKind, MediaRef[]>;
  const found: Record<MediaKind, MediaRef[]> = { image: [], video: [] };
  const turns: Turn[] = [];
  for (const [index, turn] of list.entries()) {
    if (row.cuts.includes(index)) begins.push(turns.length);
    if (!isObject(turn)) return rowError(context, 'RECORD_SHAPE', `turn ${index} is not an object`);
    const role = ROLE_NAMES.get(scalarToString(turn.role));
    if (role === undefined)
      return rowError(context, 'ROLE_UNKNOWN', `turn ${index} has role ${JSON.stringify(turn.role)}`);
    const read = readTurn(turn, role, turns.at(-1), { waiting, found, style });
    if (typeof read === 'string') return rowError(context, 'RECORD_SHAPE', `turn ${index} ${read}`);
    turns.push(...read);
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
  const [chosen, rejected] = begins;
  const pair = row.isPair ? { chosen: chosen!, rejected: rejected! } : undefined;
  const form = formColumn({ ...row.form, prompt: row.isPair ? undefined : chosen });
  const meta = { ...otherColumns(record, row.isPair ? [...own, 'prompt', 'chosen', 'rejected'] : own), ...form };
  return assemble({ id: idOf(record, context), turns, images, videos, meta, pair }, context);
}

/** Media listed beside the turns, under the plural name or the singular one. */
function listed(record: JsonObject, kind: MediaKind): MediaRef[] | string {
  const column = record[`${kind}s`] === undefined || record[`${kind}s`] === null ? kind : `${kind}s`;
  return mediaRefs(record[column], column, kind);
}

interface TurnList {
  list: unknown[];
  /** Where in the list a completion begins; of a pair, the chosen and the rejected answer. */
  cuts: number[];
  isPair: boolean;
  form: RowForm;
}

function turnsOf(record: JsonObject): TurnList | undefined {
  const text: string[] = [];
  const asTurns = (name: string, role: string): unknown[] | undefined => {
    const value = record[name];
    if (typeof value !== 'string') return Array.isArray(value) && value.length > 0 ? value : undefined;
    text.push(name);
    return [{ role, content: value }];
  };
  if (Array.isArray(record.messages)) return { list: record.messages, cuts: [], isPair: false, form: {} };
  const prompt = asTurns('prompt', 'user');
  const [chosen, rejected] = [asTurns('chosen', 'assistant'), asTurns('rejected', 'assistant')];
  const form = { text: text.length > 0 ? text : undefined };
  if (chosen !== undefined && rejected !== undefined) {
    // Without a prompt both sides begin with what they have in common.
    const common = prompt === undefined ? commonStart(chosen, rejected) : 0;
    const list = [...(prompt ?? []), ...chosen, ...rejected.slice(common)];
    const from = (prompt?.length ?? 0) + common;
    const whole = common > 0 ? ({ whole: true } as const) : {};
    return { list, cuts: [from, from + chosen.length - common], isPair: true, form: { ...form, ...whole } };
  }
  const completion = asTurns('completion', 'assistant');
  if (prompt === undefined || completion === undefined) return undefined;
  return {
    list: [...prompt, ...completion],
    cuts: [prompt.length],
    isPair: false,
    form: { text: text.length > 0 ? text : undefined },
  };
}

interface Reading {
  /** Media listed beside the turns that no part has taken yet. */
  waiting: Record<MediaKind, MediaRef[]>;
  found: Record<MediaKind, MediaRef[]>;
  style: ArgumentsStyle;
}

/** One turn as what it says and, behind that, the calls it makes; or what is wrong with it. */
function readTurn(turn: JsonObject, role: RoleName, before: Turn | undefined, reading: Reading): Turn[] | string {
  const { tool_calls: calls, [SPELLINGS]: spellings, [LIST_COLUMN]: list } = turn;
  if (!Array.isArray(calls) || calls.length === 0) {
    const read = readContent(turn, ['role', 'content', 'tool_calls'], reading);
    return typeof read === 'string' ? read : [{ ...role, ...read }];
  }
  const isSilent = turn.content === '' || turn.content === null || turn.content === undefined;
  const used = ['role', 'content', 'tool_calls', SPELLINGS, LIST_COLUMN];
  const read = isSilent ? { parts: [], columns: columnsOfTurn(turn, used) } : readContent(turn, used, reading);
  if (typeof read === 'string') return read;
  const turns: Turn[] = isSilent ? [] : [{ role: 'assistant', ...read }];
  for (const [index, { text, columns }] of readToolCalls(calls, reading.style).entries()) {
    const spelled: unknown = Array.isArray(spellings) ? spellings[index] : undefined;
    const about: JsonObject = { ...(isSilent && index === 0 ? read.columns : {}), ...columns };
    if (index === 0 && typeof list === 'string') about[LIST_COLUMN] = list;
    // Behind an answer it would be taken for that turn's call.
    if (isSilent && index === 0 && before?.role === 'assistant') about.separate = true;
    turns.push({
      role: 'assistant',
      call: true,
      parts: [{ type: 'text', text: typeof spelled === 'string' ? spelled : text }],
      columns: Object.keys(about).length > 0 ? about : undefined,
    });
  }
  return turns;
}

/** Content of one turn, or what is wrong with it. */
function readContent(
  turn: JsonObject,
  used: readonly string[],
  { waiting, found }: Reading,
): Pick<Turn, 'parts' | 'columns'> | string {
  const { content } = turn;
  const columns = columnsOfTurn({ ...turn, ...detailsOf(content) }, used);
  if (typeof content === 'string') return { parts: content === '' ? [] : [{ type: 'text', text: content }], columns };
  if (!Array.isArray(content)) return 'has no content';
  const parts: Turn['parts'] = [];
  for (const part of content) {
    if (!isObject(part)) return 'has a part that is not an object';
    const kind = MEDIA_TYPES.get(scalarToString(part.type));
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
  return { parts, columns };
}

/** In how much detail OpenAI's models are to see the images of a turn, where it says anything but `auto`. */
function detailsOf(content: unknown): JsonObject {
  if (!Array.isArray(content)) return {};
  const details = content
    .filter((part) => isObject(part) && MEDIA_TYPES.has(scalarToString(part.type)))
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
  /** How the arguments of calls are spelled. @default 'object' */
  arguments?: ArgumentsStyle;
}

/** Key of a turn with calls whose texts aren't what reading them back would give: those texts, null where they are. */
const SPELLINGS = 'call_spellings';

/** Messages as turns of typed parts, with what single turns carry; calls belong to the turn before them. */
export function writeTypedTurns(sample: Sample, messages: readonly Message[], style: TypedStyle): JsonObject[] {
  const turns: JsonObject[] = [];
  let before: Message | undefined;
  for (const group of groupCalls(sample, withoutOrphans(messages))) {
    const calls = group[0]!.call ? writtenCalls(sample, group, style.arguments ?? 'object') : undefined;
    if (calls === undefined) turns.push(...group.map((message) => writeTyped(sample, message, style)));
    else {
      const { separate, ...others } = calls;
      // What was said before a call stands in one turn with it.
      const joins = before?.role === 'assistant' && !before.call && separate !== true;
      const said = joins ? turns.pop()! : { role: 'assistant' };
      turns.push({ ...said, ...others });
    }
    before = group.at(-1);
  }
  return turns;
}

/** `tool_calls` and what the calls carry beside them; undefined where one isn't such a call. */
function writtenCalls(sample: Sample, calls: readonly Message[], style: ArgumentsStyle): JsonObject | undefined {
  const written = calls.flatMap((message) => {
    const columns = turnColumns(sample, message);
    return (callTexts(callText(message)) ?? ['']).map((text) => writeToolCall(text, columns, style));
  });
  if (written.some((call) => call === undefined)) return undefined;
  const { tool_call_id: _, arguments_as: _as, tool_call: _call, ...others } = gatheredColumns(sample, calls);
  const spellings = written.map((call) => call!.spelling ?? null);
  return {
    tool_calls: written.map((call) => call!.call),
    ...(spellings.some((spelling) => spelling !== null) ? { [SPELLINGS]: spellings } : {}),
    ...others,
  };
}

function writeTyped(sample: Sample, message: Message, style: TypedStyle): JsonObject {
  const { image_details: details, ...others } = turnColumns(sample, message);
  const inDetail: unknown[] = Array.isArray(details) ? [...details] : [];
  const content = message.parts.flatMap((part): JsonObject[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    const ref = part.type === 'image' ? sample.media.images[part.image] : sample.media.videos[part.video];
    const written = style.media(part.type, ref?.path ?? '', inDetail.shift());
    return written === undefined ? [] : [written];
  });
  const only = style.plainText && content.length <= 1 ? (content[0] ?? { type: 'text', text: '' }) : undefined;
  return { role: message.role, content: only?.type === 'text' ? only.text : content, ...others };
}
