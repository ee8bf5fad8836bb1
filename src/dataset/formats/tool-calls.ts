import type { Message } from '../sample.ts';
import { isObject, type JsonObject } from './build.ts';

/** The text of a function call as the sample holds it: the call, or a list of several, as JSON. */
export function callText(calls: readonly unknown[]): string {
  const functions = calls.map((call) => (isObject(call) && isObject(call.function) ? call.function : call));
  return JSON.stringify(functions.length === 1 ? functions[0] : functions);
}

/** A function call's text as `tool_calls`, if it is such JSON and reads back as the same text. */
export function callsOf(message: Message): JsonObject[] | undefined {
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

/** What formats with `tool_calls` can't hold of a sample. */
export function callLimits(messages: readonly Message[]): string[] {
  return messages.some((message) => message.call && callsOf(message) === undefined)
    ? ['function call that is not JSON']
    : [];
}
