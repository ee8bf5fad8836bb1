import { exactJson, parseExact } from '../exact-number.ts';
import type { Message, Sample } from '../sample.ts';
import { isObject, type JsonObject, type Turn } from './build.ts';
import { isSpaced, jsonPieces } from './json-pieces.ts';
import { turnColumns } from './turn-columns.ts';

/*
 * A message of a sample that calls a function holds one call, its text spelled as in the file:
 * `{"name": ..., "arguments": {...}}`. Calls made at once are messages side by side; formats that hold them as one turn
 * gather them, and with them the text of the turn.
 */

/** Column of the first of several calls: how a list of them was spelled, where it isn't spelled as usual. */
export const LIST_COLUMN = 'call_list';
/** Column of a call that begins a turn although it follows another turn of the assistant. */
const SEPARATE_COLUMN = 'separate';

/** The calls that a text spells (one, or a list), each as its own text; undefined where it is no such JSON. */
export function callTexts(text: string): string[] | undefined {
  const value = parsed(text);
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || !list.every((call) => isObject(call) && typeof call.name === 'string')) return undefined;
  return Array.isArray(value) ? jsonPieces(text) : [text];
}

/** Turns of a text that calls functions, one a call. A text that is no JSON stays one turn. */
export function callTurns(text: string, columns?: JsonObject): Turn[] {
  const calls = callTexts(text) ?? [text];
  const list = gathered(calls) === text ? {} : { [LIST_COLUMN]: text };
  return calls.map((call, index): Turn => {
    const own = index === 0 ? { ...columns, ...list } : {};
    const turn: Turn = { role: 'assistant', call: true, parts: [{ type: 'text', text: call }] };
    return Object.keys(own).length === 0 ? turn : { ...turn, columns: own };
  });
}

/** Several calls as one JSON text. */
function gathered(calls: readonly string[]): string {
  return calls.length === 1 ? calls[0]! : `[${calls.join(calls.some(isSpaced) ? ', ' : ',')}]`;
}

/** The text of a turn that makes these calls at once. */
export function gatheredText(sample: Sample, calls: readonly Message[]): string {
  const texts = calls.map(callText);
  const spelled = turnColumns(sample, calls[0]!)[LIST_COLUMN];
  const same = typeof spelled === 'string' && callTexts(spelled)?.join('\n') === texts.join('\n');
  return same ? spelled : gathered(texts.flatMap((text) => callTexts(text) ?? [text]));
}

/** What those calls carry beside their text, together. */
export function gatheredColumns(sample: Sample, calls: readonly Message[]): JsonObject {
  return Object.fromEntries(calls.flatMap((call) => Object.entries(turnColumns(sample, call))));
}

/** Messages with the calls that are made at once in one group. */
export function groupCalls(sample: Sample, messages: readonly Message[]): Message[][] {
  const groups: Message[][] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    if (message.call && last?.[0]?.call && !isSeparate(sample, message)) last.push(message);
    else groups.push([message]);
  }
  return groups;
}

function isSeparate(sample: Sample, message: Message): boolean {
  return turnColumns(sample, message)[SEPARATE_COLUMN] === true;
}

/** A call's text: messages that call hold nothing else. */
export function callText({ parts }: Message): string {
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

/** Messages without the answers of tools that no call stands before: no trainer takes them. */
export function withoutOrphans(messages: readonly Message[]): Message[] {
  return messages.filter((message, index) => message.role !== 'tool' || isAnswer(messages, index));
}

function isAnswer(messages: readonly Message[], index: number): boolean {
  const before = messages.slice(0, index).findLast(({ role }) => role !== 'tool');
  return before?.call === true && callTexts(callText(before)) !== undefined;
}

/** How a format spells the arguments of a call: as JSON in a text, or as the object. */
export type ArgumentsStyle = 'text' | 'object';

/** `tool_calls` of a turn as calls, each with what it carries beside its text. */
export function readToolCalls(
  calls: readonly unknown[],
  style: ArgumentsStyle,
): { text: string; columns: JsonObject }[] {
  return calls.map((call) => {
    if (!isObject(call)) return { text: exactJson(call), columns: {} };
    const { id, type, function: wrapped, ...more } = call;
    const called = isObject(wrapped) ? wrapped : more;
    const { text, kind } = spelledCall(called);
    const about: JsonObject = isObject(wrapped) ? more : { form: 'flat' };
    if (type !== undefined && type !== null && type !== 'function') about.type = type;
    return {
      text,
      columns: {
        ...(typeof id === 'string' ? { tool_call_id: id } : {}),
        ...(kind !== undefined && kind !== style ? { arguments_as: kind } : {}),
        ...(Object.keys(about).length > 0 ? { tool_call: about } : {}),
      },
    };
  });
}

/** The text of a call, arguments spelled as they are. */
function spelledCall(call: JsonObject): { text: string; kind?: ArgumentsStyle } {
  const given = call.arguments;
  const isText = typeof given === 'string' && /^\s*[{[]/.test(given) && parsed(given) !== undefined;
  if (!isText && !isObject(given) && !Array.isArray(given)) return { text: exactJson(call) };
  const spelled = isText ? given : exactJson(given);
  const space = isSpaced(spelled) ? ' ' : '';
  const members = Object.entries(call).map(
    ([key, value]) => `${JSON.stringify(key)}:${space}${key === 'arguments' ? spelled : exactJson(value)}`,
  );
  return { text: `{${members.join(`,${space}`)}}`, kind: isText ? 'text' : 'object' };
}

/**
 * A call's text as an entry of `tool_calls`; `spelling` where reading it back would give another text. Undefined where
 * it is no call.
 */
export function writeToolCall(
  text: string,
  columns: JsonObject,
  style: ArgumentsStyle,
): { call: JsonObject; spelling?: string } | undefined {
  if (callTexts(text) === undefined) return undefined;
  const kind = columns.arguments_as ?? style;
  const pieces = jsonPieces(text);
  const called: [string, unknown][] = [];
  for (let at = 0; at < pieces.length; at += 2) {
    const key = parseExact(pieces[at]!) as string;
    const spelled = pieces[at + 1]!;
    const scalarToString = key === 'arguments' && kind === 'text' && /^[{[]/.test(spelled);
    called.push([key, scalarToString ? spelled : parseExact(spelled)]);
  }
  const object = Object.fromEntries(called);
  const about = isObject(columns.tool_call) ? columns.tool_call : {};
  const { form, ...more } = about;
  const id = typeof columns.tool_call_id === 'string' ? { id: columns.tool_call_id } : {};
  const call = form === 'flat' ? { ...id, ...object } : { ...id, type: 'function', function: object, ...more };
  return spelledCall(object).text === text ? { call } : { call, spelling: text };
}

/** What formats with `tool_calls` can't hold of a sample. */
export function callLimits(messages: readonly Message[]): string[] {
  const isOdd = messages.some((message) => message.call && callTexts(callText(message)) === undefined);
  const isOrphan = withoutOrphans(messages).length < messages.length;
  return [
    ...(isOdd ? ['function call that is not JSON'] : []),
    ...(isOrphan ? ['answer of a tool without its call'] : []),
  ];
}

function parsed(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}
