import { exactJson } from '../exact-number.ts';
import type { Role } from '../sample.ts';
import { isObject, ROLE_NAMES, scalarToString, type Turn } from './build.ts';
import { type MediaKind, splitPlaceholders } from './placeholders.ts';
import { callTexts, callTurns } from './tool-calls.ts';
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
    const content = isObject(turn) ? turn[keys.content] : undefined;
    const from = isObject(turn) ? scalarToString(turn[keys.role]) : '';
    const role = keys.roles?.get(from) ?? ROLE_NAMES.get(from);
    // A call is sometimes given as the object that its text would spell.
    const text = role?.call && typeof content === 'object' && content !== null ? exactJson(content) : content;
    if (!isObject(turn) || typeof text !== 'string')
      return { code: 'RECORD_SHAPE', message: `turn ${index} has no text in "${keys.content}"` };
    if (role === undefined)
      return { code: 'ROLE_UNKNOWN', message: `turn ${index} is from ${JSON.stringify(turn[keys.role])}` };
    const columns = columnsOfTurn(turn, used);
    if (role.call && !/<image>|<video>/.test(text) && callTexts(text) !== undefined)
      turns.push(...callTurns(text, columns));
    else {
      const read: Turn = { role: role.role, ...splitPlaceholders(text, kinds) };
      if (role.call) read.call = true;
      if (columns !== undefined) read.columns = columns;
      turns.push(read);
    }
  }
  return turns;
}
