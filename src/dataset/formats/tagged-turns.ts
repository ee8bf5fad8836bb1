import type { Role } from '../sample.ts';
import { asText, isObject, ROLE_NAMES, type Turn } from './build.ts';
import { type MediaKind, splitPlaceholders } from './placeholders.ts';
import { columnsOfTurn } from './turn-columns.ts';

export interface TurnKeys {
  role: string;
  content: string;
  /** Names of roles beside the usual ones; they win. */
  roles?: ReadonlyMap<string, { role: Role; call?: true }>;
}

/** Turns whose text carries `<image>` and `<video>`, or what is wrong with them. */
export function readTaggedTurns(
  list: readonly unknown[],
  keys: TurnKeys,
  kinds: readonly MediaKind[],
): Turn[] | { code: string; message: string } {
  const turns: Turn[] = [];
  const used = [keys.role, keys.content];
  for (const [index, turn] of list.entries()) {
    const text = isObject(turn) ? turn[keys.content] : undefined;
    if (!isObject(turn) || typeof text !== 'string')
      return { code: 'RECORD_SHAPE', message: `turn ${index} has no text in "${keys.content}"` };
    const from = asText(turn[keys.role]);
    const role = keys.roles?.get(from) ?? ROLE_NAMES.get(from);
    if (role === undefined)
      return { code: 'ROLE_UNKNOWN', message: `turn ${index} is from ${JSON.stringify(turn[keys.role])}` };
    const parts = splitPlaceholders(text, kinds);
    const read: Turn = role.call ? { role: role.role, call: true, parts } : { role: role.role, parts };
    const columns = columnsOfTurn(turn, used);
    if (columns !== undefined) read.columns = columns;
    turns.push(read);
  }
  return turns;
}
