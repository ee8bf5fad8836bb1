import { allMessages, type Message, type Sample } from '../sample.ts';
import { isObject, type JsonObject, TURN_COLUMNS } from './build.ts';

/** What a turn carries beside the format's own keys; nulls are what Arrow fills missing keys with. */
export function columnsOfTurn(turn: JsonObject, used: readonly string[]): JsonObject | undefined {
  const others: [string, unknown][] = [];
  // Every turn of every row passes here, and most carry nothing: no list of their keys is made.
  for (const key in turn) if (!used.includes(key) && turn[key] !== null) others.push([key, turn[key]]);
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

/** What is to be written beside role and content of that message. */
export function turnColumns(sample: Sample, message: Message): JsonObject {
  const all = sample.meta[TURN_COLUMNS];
  const own: unknown = Array.isArray(all) ? all[allMessages(sample).indexOf(message)] : undefined;
  return isObject(own) ? own : {};
}

/** For formats whose turns are no objects of their own. */
export function turnColumnLimits(sample: Sample): string[] {
  const all = sample.meta[TURN_COLUMNS];
  if (!Array.isArray(all)) return [];
  const names = new Set(all.flatMap((own) => (isObject(own) ? Object.keys(own) : [])));
  return [...names].map((name) => `"${name}" of single turns`);
}
