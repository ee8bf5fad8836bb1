import { WinnowError } from '../../base/errors.ts';
import { parseCostOptions } from '../../cost/gpu-hours.ts';
import { amountOf } from '../../select/compose/stage-amount.ts';
import { findSelector, parseOptions, selectors } from '../../select/methods/find.ts';
import type { Selector } from '../../select/selector.ts';
import { type Contestant, type ContestantRules, type ContestantStage, RULES } from './contestant.ts';

/** `random` is the baseline: it always runs, with seeds of its own, and alone is no contestant. */
const BASELINE = 'random';

/** How much a stage before the last one keeps. */
const AMOUNTS = ['pass', 'budget'] as const;
/** Any share of so many rows is some: how an amount is written is checked before the data set is known. */
const ANY_ROWS = 1e9;

/**
 * The contestants that a list names: `all` (every method, each of its forms), `visnec`, `visnec:variant=official:k=10`,
 * several in a row (`semdedup:eps=0.05 then visnec`), and rules as `winnow select` has them
 * (`top:column=aum:quota=gqa=20%`). Entries go by comma; a list in an option is written with `+`: `less:gradients=a+b`.
 * The same methods with the same options count once.
 *
 * @param defaults options of the project (`textOnly`), where the list doesn't say them
 * @throws WinnowError `METHOD_UNKNOWN`, `METHODS_INVALID`, `OPTION_INVALID`, `BUDGET_INVALID`
 */
export function parseMethods(list: string | readonly string[], defaults: Record<string, unknown> = {}): Contestant[] {
  const parts = (typeof list === 'string' ? list.split(',') : [...list]).map((part) => part.trim());
  if (parts.some((part) => part === '') || parts.length === 0) {
    throw invalid(`The list of methods "${String(list)}" has an empty place.`);
  }
  const contestants = parts
    .flatMap((part) => contestantsOf(part, defaults))
    .filter((contestant) => !isBaseline(contestant));
  return [...new Map(contestants.map((contestant) => [identityOf(contestant), contestant])).values()];
}

/** What two contestants have in common that choose the same. */
function identityOf({ stages, rules }: Contestant): string {
  const methods = stages.map(({ selector, options, pass, budget }) => {
    return [selector.name, Object.entries(options).sort(), pass, budget];
  });
  return JSON.stringify([methods, Object.entries(rules).sort()]);
}

const isBaseline = ({ stages, rules }: Contestant): boolean =>
  stages.length === 1 && stages[0].selector.name === BASELINE && Object.keys(rules).length === 0;

/** A part of a list names several contestants where a method of it has forms. */
function contestantsOf(text: string, defaults: Record<string, unknown>): Contestant[] {
  const words = text.split(/(?<=^|\s)then(?=\s|$)/);
  if (words.some((word) => word.trim() === '')) throw invalid(`In "${text}" a method is missing beside "then".`);
  let contestants: Draft[] = [{ stages: [], rules: {} }];
  for (const [s, word] of words.entries()) {
    const alternatives = stagesOf(word.trim(), text, s === words.length - 1, defaults);
    contestants = contestants.flatMap((before) =>
      alternatives.map(({ stages, rules }) => ({ stages: [...before.stages, ...stages], rules })),
    );
  }
  return contestants.map(contestantOf);
}

interface Draft {
  stages: ContestantStage[];
  rules: ContestantRules;
}

function contestantOf({ stages, rules }: Draft): Contestant {
  const named = stages.map((stage, s) => {
    const { selector, given, pass, budget } = stage;
    const amounts = { ...(pass === undefined ? {} : { pass }), ...(budget === undefined ? {} : { budget }) };
    return { selector, parts: partsOf({ ...given, ...amounts, ...(s === stages.length - 1 ? rules : {}) }) };
  });
  return {
    id: named.map(({ selector, parts }) => [selector.name, ...parts].join(':')).join(' then '),
    title: named
      .map(({ selector: { title }, parts }) => (parts.length === 0 ? title : `${title} (${parts.join(', ')})`))
      .join(', then '),
    stages: stages as [ContestantStage, ...ContestantStage[]],
    rules,
  };
}

/** The stage that a word names: one, or all of a method's forms, or all methods. */
function stagesOf(word: string, text: string, isLast: boolean, defaults: Record<string, unknown>): Draft[] {
  if (word === 'all') {
    return selectors.flatMap((selector) => (selector.name === BASELINE ? [] : formsOf(selector, {}, {}, defaults)));
  }
  // Columns that are scores of methods have a colon in their name.
  const [name = '', ...pairs] = word.split(/(?<!\b(?:method|selection)):/);
  const selector = findSelector(name.trim());
  const given = Object.fromEntries(pairs.map((pair) => splitPair(pair, text)));
  const [amounts, afterAmounts] = partition(given, AMOUNTS);
  const [ruled, own] = partition(afterAmounts, RULES);
  amountOf({ method: name, ...amounts }, false, ANY_ROWS, parseCostOptions({}));
  if (isLast && Object.keys(amounts).length > 0) {
    throw invalid(
      `"${text}": all contestants have the arena's budget, so that the last method of one has none of its own.`,
    );
  }
  if (!isLast && Object.keys(ruled).length > 0) {
    throw invalid(`"${text}": ${Object.keys(ruled)[0]} is said of a whole contestant, behind its last method.`);
  }
  const rules = Object.fromEntries(Object.entries(ruled).map(([rule, value]) => [rule, value.split(',')]));
  return formsOf(selector, own, amounts, defaults).map(({ stages }) => ({ stages, rules }));
}

function formsOf(
  selector: Selector,
  own: Record<string, string>,
  amounts: Record<string, string>,
  defaults: Record<string, unknown>,
): Draft[] {
  const forms = Object.keys(own).length === 0 ? (selector.comparisonVariants ?? [{}]) : [own];
  return forms.map((form) => {
    const given = typedOptions(selector, form);
    const options = parseOptions(selector, { ...defaults, ...given });
    return { stages: [{ selector, given, options, ...amounts }], rules: {} };
  });
}

/** Numbers are read by the schemas; where one refuses a text, it may want a list or a truth value. */
function typedOptions(selector: Selector, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const typed = { ...given };
  const issues = selector.options.safeParse(given).error?.issues ?? [];
  for (const issue of issues) {
    const key = String(issue.path[0]);
    const text = typed[key];
    if (issue.code !== 'invalid_type' || typeof text !== 'string') continue;
    if (issue.expected === 'array') typed[key] = text.split(',');
    if (issue.expected === 'boolean' && /^(true|false)$/.test(text)) typed[key] = text === 'true';
  }
  return typed;
}

/** Options are named as on the command line: `text-only` is `textOnly`. */
function splitPair(pair: string, text: string): [string, string] {
  const at = pair.indexOf('=');
  if (at <= 0) throw invalid(`"${pair}" in "${text}" is no option=value.`);
  const name = pair.slice(0, at).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return [name, pair.slice(at + 1).replaceAll('+', ',')];
}

/** Those of the names that a record has, and the rest of it. */
function partition<T>(record: Readonly<Record<string, T>>, names: readonly string[]) {
  const pick = (wanted: boolean): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name) === wanted));
  return [pick(true), pick(false)] as const;
}

function partsOf(given: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(given).map(([key, value]) => `${key}=${[value].flat().join(',').replaceAll(',', '+')}`);
}

function invalid(message: string): WinnowError {
  return new WinnowError({
    code: 'METHODS_INVALID',
    message,
    hint: 'Give for example --methods all, or --methods "visnec,xmas:variant=official:k=500,semdedup:eps=0.05 then visnec".',
    exitCode: 2,
  });
}
