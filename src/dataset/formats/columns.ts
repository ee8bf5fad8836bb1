import { extname } from 'node:path';
import { isNumber } from '../exact-number.ts';
import type { ReadContext } from '../format.ts';
import { mediaKind } from '../media/media-type.ts';
import type { MediaRef } from '../sample.ts';
import {
  assemble,
  idOf,
  isObject,
  type JsonObject,
  mediaRefs,
  otherColumns,
  type ReadResult,
  rowError,
  scalarToString,
  type Turn,
} from './build.ts';
import { splitPlaceholders } from './placeholders.ts';
import { sharegpt } from './sharegpt.ts';
import { readTypedParts } from './typed-parts.ts';

const IMAGE_COLUMN = /^(images?|img|picture|photo|image_?\d+)$/i;
const VIDEO_COLUMN = /^videos?$/i;
const QUESTIONS = ['question', 'query', 'instruction', 'problem', 'prompt'];
const ANSWERS = [
  'answer',
  'multiple_choice_answer',
  'response',
  'output',
  'completion',
  'solution',
  'answers',
  'label',
];
const CAPTIONS = ['caption', 'text', 'txt', 'captions', 'description', 'sentences', 'sentence'];

/**
 * A row of a table, as people publish them: `messages` (typed parts or text), `conversations`, `prompt` + `completion`,
 * turns in `texts`, or columns with a question and an answer, or a caption; images in `image`, `images`, `image_1` ...,
 * or in any column of images. Option `columns` names what is called otherwise: `{"question": "q", "images": "scan"}`.
 */
export function readColumns(given: unknown, context: ReadContext): ReadResult {
  if (!isObject(given)) return rowError(context, 'RECORD_SHAPE', 'the record is not an object');
  const record = renamed(given, context.options.columns);
  const images = gather(record, 'image');
  const videos = gather(record, 'video');
  if (typeof images === 'string') return rowError(context, 'MEDIA_SHAPE', images);
  if (typeof videos === 'string') return rowError(context, 'MEDIA_SHAPE', videos);
  const rest = otherColumns(record, [...images.columns, ...videos.columns, '__key__']);
  const id = idOf({ id: rest.id ?? record.__key__ }, context);
  const media = { images: images.refs, videos: videos.refs };
  const plain = { ...context, options: otherColumns({ ...context.options }, ['columns', 'tags']) };
  const isPair = PAIR.every((name) => isSide(rest[name]));
  if (Array.isArray(rest.messages) || isPair || (Array.isArray(rest.prompt) && Array.isArray(rest.completion)))
    return readMessages({ ...rest, id }, media, plain);
  for (const name of ['conversations', 'conversation'])
    if (Array.isArray(rest[name]))
      return readTagged({ ...otherColumns(rest, [name]), id, conversations: rest[name] }, media, plain);
  const told = turnsOf(rest, media.images.length);
  if (told === undefined) {
    const names = Object.keys(given).slice(0, 8).join(', ');
    return rowError(
      context,
      'RECORD_SHAPE',
      `no turns, no question with an answer, no caption and no image in ${names || 'no columns'}`,
    );
  }
  const { turns, used } = told;
  turns[0]!.parts.unshift(...media.videos.map(() => ({ type: 'video' as const })));
  return assemble({ id, turns, ...media, meta: otherColumns(rest, ['id', ...used]) }, context);
}

function renamed(record: JsonObject, columns: unknown): JsonObject {
  if (!isObject(columns)) return record;
  const names = new Map(Object.entries(columns).map(([name, column]) => [column, name]));
  return Object.fromEntries(Object.entries(record).map(([column, value]) => [names.get(column) ?? column, value]));
}

/** The columns that hold media of a kind, and what they hold from left to right. */
function gather(record: JsonObject, kind: 'image' | 'video'): { columns: string[]; refs: MediaRef[] } | string {
  const named = kind === 'image' ? IMAGE_COLUMN : VIDEO_COLUMN;
  // Turns with a list of images have said where their media are: `img` beside them is a column like any other.
  const isSaid = Array.isArray(record.messages) && Array.isArray(record.images);
  const columns: string[] = [];
  const refs: MediaRef[] = [];
  for (const [column, value] of Object.entries(record)) {
    if (isSaid && column !== `${kind}s`) continue;
    const items = (Array.isArray(value) ? value : [value]).filter((item) => item !== null);
    const isStored = items.length > 0 && items.every((item) => isStoredMedia(item, kind));
    if (!isStored && !named.test(column)) continue;
    const found = mediaRefs(items, column);
    if (typeof found === 'string') return found;
    columns.push(column);
    refs.push(...found);
  }
  return { columns, refs };
}

/** A medium that a container held: `{path}` and nothing else. */
function isStoredMedia(item: unknown, kind: 'image' | 'video'): boolean {
  if (!isObject(item) || typeof item.path !== 'string' || Object.keys(item).length > 1) return false;
  return mediaKind(extname(item.path)) === kind;
}

/** Columns that hold turns. */
const LISTS = ['messages', 'prompt', 'completion'];
const PAIR = ['chosen', 'rejected'];

/** One side of a preference pair: a text or a list of turns. */
function isSide(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && isObject(value[0]) && 'role' in value[0]);
}

type Media = { images: MediaRef[]; videos: MediaRef[] };

/**
 * `messages` (or prompt and completion) of typed parts or of text. Text with tags is ShareGPT's way, without tags
 * TRL's.
 */
function readMessages(record: JsonObject, media: Media, context: ReadContext): ReadResult {
  const turns = LISTS.flatMap((name) => (Array.isArray(record[name]) ? record[name] : []));
  const texts = turns.map((turn) => (isObject(turn) ? (turn.content ?? turn.value) : undefined));
  const isTagged = texts.some((text) => typeof text === 'string' && /<image>|<video>/.test(text));
  const first: unknown = turns[0];
  if (Array.isArray(record.messages) && (isTagged || (isObject(first) && 'from' in first)))
    return readTagged(record, media, context);
  const { chosen_from: from, rejected, ...others } = record;
  const isOwn = Array.isArray(record.messages) && Array.isArray(rejected) && isNumber(from);
  if (!isOwn) return readTyped({ ...record, ...media }, context);
  // Winnow's own way of holding a pair: the rejected turns behind all others.
  const read = readTyped({ ...others, ...media, messages: [...turns, ...(rejected as unknown[])] }, context);
  if (read.sample === undefined) return read;
  read.sample.preference = { from: Number(from), rejected: read.sample.messages.splice(turns.length) };
  return read;
}

function readTyped(record: JsonObject, context: ReadContext): ReadResult {
  const lists = Object.fromEntries(
    LISTS.flatMap((name) => (Array.isArray(record[name]) ? [[name, uncalled(record[name])]] : [])),
  );
  const result = readTypedParts({ ...record, ...lists }, context, ['id', ...LISTS, 'images', 'videos']);
  if (!result.ok) return result;
  const turns = LISTS.flatMap((name) => (Array.isArray(record[name]) ? record[name] : []));
  if (turns.length !== result.sample.messages.length) return result;
  for (const [index, turn] of turns.entries())
    if (isObject(turn) && turn.call === true) result.sample.messages[index]!.call = true;
  return result;
}

/** The turns without the mark of a function call, which is no further column of a turn. */
function uncalled(turns: readonly unknown[]): unknown[] {
  return turns.map((turn) => (isObject(turn) && turn.call === true ? otherColumns(turn, ['call']) : turn));
}

/** Turns of text with `<image>` tags. Where no turn has one, the media stand before the first question. */
function readTagged(record: JsonObject, media: Media, context: ReadContext): ReadResult {
  const list = record.conversations ?? record.messages;
  const turns = Array.isArray(list) ? list.map((turn) => (isObject(turn) ? { ...turn } : turn)) : [];
  const key = isObject(turns[0]) && 'value' in turns[0] ? 'value' : 'content';
  const texts = turns.map((turn) => (isObject(turn) ? scalarToString(turn[key]) : ''));
  const asked = turns.find(
    (turn) => isObject(turn) && ['human', 'user'].includes(scalarToString(turn.from ?? turn.role)),
  );
  if (isObject(asked) && typeof asked[key] === 'string' && !texts.some((text) => /<image>|<video>/.test(text)))
    asked[key] = [...media.images.map(() => '<image>'), ...media.videos.map(() => '<video>'), asked[key]].join('\n');
  const column = Array.isArray(record.conversations) ? 'conversations' : 'messages';
  return sharegpt.read({ ...record, [column]: turns, ...media }, context);
}

/** Turns from a list of question and answer pairs, from two columns, from a caption, or from the images alone. */
function turnsOf(record: JsonObject, images: number): { turns: Turn[]; used: string[] } | undefined {
  const shown = Array.from({ length: images }, () => ({ type: 'image' as const }));
  const turn = (role: Turn['role'], text: string): Turn => ({ role, parts: [{ type: 'text', text }] });
  const pairs = Array.isArray(record.texts) ? record.texts.filter(isObject) : [];
  if (pairs.length > 0 && pairs.every((pair) => typeof pair.user === 'string' && typeof pair.assistant === 'string')) {
    const turns = pairs.flatMap((pair) => [
      turn('user', pair.user as string),
      turn('assistant', pair.assistant as string),
    ]);
    turns[0]!.parts.unshift(...shown);
    return { turns, used: ['texts'] };
  }
  const question = QUESTIONS.find((name) => typeof record[name] === 'string');
  if (question !== undefined) {
    const text = record[question] as string;
    const split = splitPlaceholders(text, ['image']);
    const isTagged = split.parts.filter((part) => part.type === 'image').length === images;
    const asked: Turn = { role: 'user', ...(isTagged ? split : { parts: [...shown, { type: 'text', text }] }) };
    const answer = ANSWERS.find((name) => answerOf(record[name], record) !== undefined);
    if (answer === undefined) return { turns: [asked], used: [question] };
    const value = answerOf(record[answer], record)!;
    const keeps = Array.isArray(record[answer]) && record[answer].length > 1;
    return { turns: [asked, turn('assistant', value)], used: keeps ? [question] : [question, answer] };
  }
  const caption = images === 0 ? undefined : CAPTIONS.find((name) => answerOf(record[name], {}) !== undefined);
  if (caption !== undefined) {
    const asked: Turn = { role: 'user', parts: [...shown, { type: 'text', text: 'Describe the image.' }] };
    const keeps = Array.isArray(record[caption]) && record[caption].length > 1;
    return { turns: [asked, turn('assistant', answerOf(record[caption], {})!)], used: keeps ? [] : [caption] };
  }
  return images === 0 ? undefined : { turns: [{ role: 'user', parts: shown }], used: [] };
}

/** An answer as text: itself, the first of several, the choice it is the number of. */
function answerOf(value: unknown, record: JsonObject): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  const own = isObject(first) ? (first.answer ?? first.text) : first;
  const choices = record.choices ?? record.options;
  if (typeof own === 'number' && Array.isArray(choices) && choices[own] !== undefined) return String(choices[own]);
  return own === undefined || own === null || typeof own === 'object' ? undefined : String(own);
}
