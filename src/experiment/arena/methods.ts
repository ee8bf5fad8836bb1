import { WinnowError } from '../../dataset/errors.ts';
import { findSelector, parseOptions, selectors } from '../../select/registry.ts';
import type { Selector } from '../../select/selector.ts';

/** A method with options, as one line of the arena. */
export interface Entry {
  /** Unique in the arena, e.g. `self-sup:keep=near`. */
  id: string;
  selector: Selector;
  /** Defaults filled in. */
  options: Record<string, unknown>;
}

/** `random` is the baseline: it always runs, with seeds of its own, and is no entry. */
const BASELINE = 'random';

/**
 * The methods that a list names: `all` (every method, each of its forms), `visnec`, `visnec:variant=official:k=10`; lists go by comma. A list in an
 * option is written with `+`: `less:gradients=a+b`. The same method with the same options counts once.
 *
 * @param defaults options of the project (`textOnly`), where the list doesn't say them
 * @throws WinnowError `METHOD_UNKNOWN`, `METHODS_INVALID`, `OPTION_INVALID`
 */
export function parseMethods(list: string | readonly string[], defaults: Record<string, unknown> = {}): Entry[] {
  const parts = (typeof list === 'string' ? list.split(',') : [...list]).map((part) => part.trim());
  if (parts.some((part) => part === '')) {
    throw invalid(`The list of methods "${String(list)}" has an empty place.`);
  }
  const entries = parts.flatMap((part) => (part === 'all' ? everyMethod(defaults) : oneMethod(part, defaults)));
  const distinct = new Map(
    entries.map((entry) => [JSON.stringify([entry.selector.name, Object.entries(entry.options).sort()]), entry]),
  );
  return [...distinct.values()];
}

function everyMethod(defaults: Record<string, unknown>): Entry[] {
  return selectors.flatMap((selector) =>
    selector.name === BASELINE
      ? []
      : (selector.forms ?? [{}]).map((form) => ({
          id: idOf(selector.name, form),
          selector,
          options: parseOptions(selector, { ...defaults, ...form }),
        })),
  );
}

function oneMethod(text: string, defaults: Record<string, unknown>): Entry[] {
  const [name = '', ...pairs] = text.split(':');
  const selector = findSelector(name);
  if (name === BASELINE) return [];
  const given = Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) throw invalid(`"${pair}" in "${text}" is no option=value.`);
      return [camelCase(pair.slice(0, at)), pair.slice(at + 1).replaceAll('+', ',')];
    }),
  );
  if (pairs.length === 0 && selector.forms !== undefined) {
    return everyMethod(defaults).filter((entry) => entry.selector === selector);
  }
  return [{ id: idOf(name, given), selector, options: parseGiven(selector, { ...defaults, ...given }) }];
}

/** Numbers are read by the schemas; where one refuses a text, it may want a list or a truth value. */
function parseGiven(selector: Selector, given: Record<string, unknown>): Record<string, unknown> {
  const adjusted = { ...given };
  const issues = selector.options.safeParse(given).error?.issues ?? [];
  for (const issue of issues) {
    const key = String(issue.path[0]);
    const text = adjusted[key];
    if (issue.code !== 'invalid_type' || typeof text !== 'string') continue;
    if (issue.expected === 'array') adjusted[key] = text.split(',');
    if (issue.expected === 'boolean' && /^(true|false)$/.test(text)) adjusted[key] = text === 'true';
  }
  return parseOptions(selector, adjusted);
}

function idOf(name: string, given: Readonly<Record<string, unknown>>): string {
  return [
    name,
    ...Object.entries(given).map(([key, value]) => `${key}=${[value].flat().join(',').replaceAll(',', '+')}`),
  ].join(':');
}

/** Options are named as on the command line: `text-only` is `textOnly`. */
function camelCase(option: string): string {
  return option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function invalid(message: string): WinnowError {
  return new WinnowError({
    code: 'METHODS_INVALID',
    message,
    hint: 'Give for example --methods all, or --methods visnec,self-sup:keep=near,xmas:variant=official:k=500.',
    exitCode: 2,
  });
}
