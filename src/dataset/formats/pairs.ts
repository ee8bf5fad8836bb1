import { exactJson } from '../exact-number.ts';
import type { Sample } from '../sample.ts';
import { isObject, type JsonObject, type Turn } from './build.ts';
import { groupCalls } from './tool-calls.ts';

/**
 * Column of `meta` for how a row spells its turns, where its format has several ways and this isn't the one that is
 * written by default: `prompt` (so many messages stand in `prompt`, the others in `completion`), `text` (fields that
 * are plain strings), `whole` (a rejected answer is spelled with all that stands before it).
 */
export const FORM_COLUMN = 'row_form';

export interface RowForm {
  prompt?: number;
  text?: string[];
  whole?: true;
  /** Of Alpaca: so many characters at the end of the question stand in `input`, those before them in `instruction`. */
  input?: number;
  /** The tag that stands for a video, where LLaVA's own is `<image>`. */
  video?: '<video>';
}

/** How a sample's row was spelled. */
export function formOf(sample: Sample): RowForm {
  const form = sample.meta[FORM_COLUMN];
  return isObject(form) ? form : {};
}

/** The column for a form; nothing for the usual one. */
export function formColumn(form: RowForm): JsonObject {
  const said = Object.entries(form).filter(([, value]) => value !== undefined);
  return said.length === 0 ? {} : { [FORM_COLUMN]: Object.fromEntries(said) };
}

/** Turns of a preference pair one after another, and where the chosen and the rejected answer begin. */
export function pairedTurns(prompt: Turn[], chosen: Turn[], rejected: Turn[]) {
  const pair = { chosen: prompt.length, rejected: prompt.length + chosen.length };
  return { turns: [...prompt, ...chosen, ...rejected], pair };
}

/** How many items two lists begin with in common; at least one is left of each. */
export function commonStart(a: readonly unknown[], b: readonly unknown[]): number {
  const most = Math.min(a.length, b.length) - 1;
  let common = 0;
  while (common < most && exactJson(a[common]) === exactJson(b[common])) common++;
  return Math.max(0, common);
}

/** What formats that spell each side of a pair as one turn can't hold. */
export function pairLimits(sample: Sample): string[] {
  const { preference, messages } = sample;
  if (preference === undefined) return [];
  const sides = [messages.slice(preference.from), preference.rejected];
  const isOne = sides.every((side) => groupCalls(sample, side).length === 1 && side[0]!.role === 'assistant');
  const hasMedia = preference.rejected.some(({ parts }) => parts.some(({ type }) => type !== 'text'));
  return [
    ...(isOne ? [] : ['preference between more than two answers of one turn']),
    ...(hasMedia ? ['image in a rejected answer'] : []),
  ];
}
