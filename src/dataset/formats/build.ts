import { WinnowError } from '../../base/errors.ts';
import { ExactNumber, isNonFinite, isNumber } from '../exact-number.ts';
import type { ReadContext } from '../format.ts';
import type { MediaRef, Message, Part, Role, Sample } from '../sample.ts';
import { GAPS_COLUMN, type LoosePart } from './placeholders.ts';

export type ReadResult = { ok: true; sample: Sample } | { ok: false; error: WinnowError; sample?: Sample };

/** A turn as read, before its media are numbered. */
export interface Turn {
  role: Role;
  call?: boolean;
  parts: LoosePart[];
  /** What the turn carries beside role and content. */
  columns?: JsonObject;
  /** What stands around its tags, where it is other than usual. */
  gaps?: string[];
}

/**
 * The column of `meta` that keeps what single turns carry beside role and content (`loss`, `weight`, `name`,
 * `tool_call_id`): a list as long as `messages`, null where a turn carries nothing.
 */
export const TURN_COLUMNS = 'message_columns';

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/**
 * A string, number or boolean as text; '' for all else: an object's own `toString`, which data can spell, is never
 * called.
 */
export function scalarToString(value: unknown): string {
  const isPlain = ['string', 'number', 'bigint', 'boolean'].includes(typeof value) || value instanceof ExactNumber;
  return isPlain ? String(value) : '';
}

/** The record's own id as a string, else `<file name>#<row>`. */
export function idOf(record: JsonObject, context: ReadContext): string {
  const id = record.id;
  if (typeof id === 'string' && id !== '') return id;
  if (isNumber(id) && !isNonFinite(id)) return String(id);
  return `${context.file}#${context.row}`;
}

/** A fault of one row: what is wrong, where. It quarantines the row and never ends a run. */
export function rowError(context: ReadContext, code: string, message: string): { ok: false; error: WinnowError } {
  return {
    ok: false,
    error: new WinnowError({
      code,
      message,
      where: { file: context.file, row: context.row },
      hint: 'Fix or drop the row; winnow doctor lists all such rows.',
    }),
  };
}

/**
 * Read media references: one path, a list of them (also in a list of its own, with nulls between), or structs `{path}`
 * / `{url}` / `{image}`. Null, '' and pandas' NaN are none. A list in a list of videos is a video of frames.
 */
export function mediaRefs(value: unknown, column: string, kind: 'image' | 'video' = 'image'): MediaRef[] | string {
  if (isNothing(value)) return [];
  const items = Array.isArray(value) ? value : [value];
  const refs: MediaRef[] = [];
  for (const [index, item] of items.entries()) {
    if (isNothing(item)) continue;
    if (Array.isArray(item)) {
      const inner = mediaRefs(item, `${column}[${index}]`);
      if (typeof inner === 'string') return inner;
      if (kind === 'image') refs.push(...inner);
      else if (inner.length > 0) refs.push({ path: inner[0]!.path, frames: inner.map(({ path }) => path) });
      continue;
    }
    const path = isObject(item) ? (item.path ?? item.url ?? item.image) : item;
    if (typeof path !== 'string' || path === '') return `${column}[${index}] is ${shapeOf(item)}, not a path`;
    refs.push({ path });
  }
  return refs;
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === '' || isNonFinite(value);
}

/** What a value is, for people: `a number`, `an object of "a", "b"`. */
function shapeOf(value: unknown): string {
  if (!isObject(value)) return isNumber(value) ? 'a number' : `a ${typeof value}`;
  const keys = Object.keys(value).slice(0, 4);
  return keys.length === 0 ? 'an empty object' : `an object of ${keys.map((key) => JSON.stringify(key)).join(', ')}`;
}

export interface Assembly {
  id: string;
  turns: Turn[];
  images: MediaRef[];
  videos: MediaRef[];
  meta: JsonObject;
  /** Where among `turns` the rejected answer begins, and where the chosen one does. */
  pair?: { chosen: number; rejected: number };
}

/**
 * Number media parts from left to right over all turns and check that every file has its placeholder and the other way
 * round.
 */
export function assemble(from: Assembly, context: ReadContext): ReadResult {
  const next = { image: 0, video: 0 };
  const numbered = (part: LoosePart): Part => {
    if (part.type === 'text') return part;
    if (part.type === 'image') return { type: 'image', image: next.image++ };
    return { type: 'video', video: next.video++ };
  };
  const messages: Message[] = from.turns.map((turn) => {
    const parts = turn.parts.every(isText) ? turn.parts : turn.parts.map(numbered);
    return turn.call ? { role: turn.role, parts, call: true } : { role: turn.role, parts };
  });
  const meta = {
    ...from.meta,
    ...carried(from.turns, TURN_COLUMNS, 'columns'),
    ...carried(from.turns, GAPS_COLUMN, 'gaps'),
  };
  const { pair } = from;
  const sample: Sample = { id: from.id, messages, media: { images: from.images, videos: from.videos }, meta };
  if (pair !== undefined) sample.preference = { from: pair.chosen, rejected: messages.splice(pair.rejected) };
  for (const [kind, have] of [
    ['image', from.images.length],
    ['video', from.videos.length],
  ] as const) {
    if (have !== next[kind]) {
      const files = kind === 'image' ? from.images : from.videos;
      const glued = files.find(({ path }) => path.split(',').length === next[kind] && have === 1);
      const hint = glued === undefined ? '' : `: "${glued.path.slice(0, 60)}" is one path; give several as a list`;
      const message = `${count(next[kind], `<${kind}> placeholder`)} for ${count(have, `${kind} file`)}${hint}`;
      return { ...rowError(context, 'PLACEHOLDER_COUNT', message), sample };
    }
  }
  return { ok: true, sample };
}

function carried(turns: readonly Turn[], column: string, key: 'columns' | 'gaps'): JsonObject {
  return turns.some((turn) => turn[key] !== undefined) ? { [column]: turns.map((turn) => turn[key] ?? null) } : {};
}

function isText(part: LoosePart): part is Extract<LoosePart, { type: 'text' }> {
  return part.type === 'text';
}

/** `1 image`, `2 images`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** All columns that the format doesn't use itself. */
export function otherColumns(record: JsonObject, used: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !used.includes(key)));
}

export type RoleName = { role: Role; call?: true };

/** Roles under the names in use: ShareGPT's, LLaVA's, OpenAI's, ms-swift's. */
export const ROLE_NAMES: ReadonlyMap<string, RoleName> = new Map([
  ['human', { role: 'user' }],
  ['user', { role: 'user' }],
  ['gpt', { role: 'assistant' }],
  ['assistant', { role: 'assistant' }],
  ['system', { role: 'system' }],
  ['observation', { role: 'tool' }],
  ['tool', { role: 'tool' }],
  ['function_call', { role: 'assistant', call: true }],
  ['tool_call', { role: 'assistant', call: true }],
  ['tool_response', { role: 'tool' }],
  ['function', { role: 'tool' }],
  ['developer', { role: 'system' }],
]);
