import { WinnowError } from '../../base/errors.ts';
import { largestRemainder } from '../kit/allocate.ts';

/**
 * An amount of one source: `20%` of the samples kept, or a count. As an object, or as the command line has it:
 * `SOURCE=20%`.
 */
export type SourceAmounts = Readonly<Record<string, string | number>> | readonly string[];

/** What each source must and may give. */
export interface SourceRules {
  /** Exactly this. */
  quota?: SourceAmounts | undefined;
  /** At least this. */
  floor?: SourceAmounts | undefined;
  /** At most this. */
  max?: SourceAmounts | undefined;
}

/** One source's part of a budget, in samples. */
export interface SourceBound {
  least: number;
  most: number;
}

interface Amount {
  count: number;
  /** Per cent of the budget. */
  percent: number;
}

/** Rules by source, as they were parsed. */
export type ParsedRules = Record<'quota' | 'floor' | 'max', Map<string, Amount>>;

/** The name of rows that don't say where they are from. */
export const NO_SOURCE = 'unknown';

/** Reads rules. @throws WinnowError `SOURCE_AMOUNT_INVALID`, `SOURCE_UNKNOWN`, `SOURCE_RULES_CLASH` */
export function parseSourceRules({ quota, floor, max }: SourceRules, sources: ReadonlySet<string>): ParsedRules {
  const parsed = { quota: amounts('quota', quota), floor: amounts('floor', floor), max: amounts('max', max) };
  for (const [kind, map] of Object.entries(parsed)) {
    const stranger = [...map.keys()].find((source) => !sources.has(source));
    if (stranger !== undefined) {
      const known = [...sources].sort();
      throw new WinnowError({
        code: 'SOURCE_UNKNOWN',
        message: `--${kind}: no sample is from "${stranger}".`,
        hint: `Sources are ${known.slice(0, 20).join(', ')}${known.length > 20 ? `, and ${known.length - 20} more` : ''}.`,
        exitCode: 2,
      });
    }
  }
  const twice = [...parsed.quota.keys()].find((source) => parsed.floor.has(source) || parsed.max.has(source));
  if (twice !== undefined) throw clash(`"${twice}" has a quota, which is exact, and a floor or maximum besides`);
  const percent = [...parsed.quota.values()].reduce((sum, amount) => sum + amount.percent, 0);
  if (percent > 100 + 1e-9) throw clash(`the quotas sum to ${Number(percent.toFixed(6))}%`);
  return parsed;
}

/**
 * Bounds of every source that has a rule, for a budget. Quotas in per cent are rounded by largest remainder, with what
 * they leave as one more part, so that they sum to exactly their share; floors round up, maxima down.
 *
 * @param available rows of each source that may be kept; a floor or quota above it asks for all of them
 * @param certain rows of each source that are kept in any case
 * @throws WinnowError `SOURCE_RULES_CLASH` where floors and quotas exceed the budget, or a floor its maximum
 */
export function boundsFor(
  rules: ParsedRules,
  budget: number,
  available: ReadonlyMap<string, number>,
  certain: ReadonlyMap<string, number> = new Map(),
): Map<string, SourceBound> {
  const bounds = new Map<string, SourceBound>();
  const shared = [...rules.quota].filter(([, { percent }]) => percent > 0);
  const weights = shared.map(([, { percent }]) => percent);
  const rest = Math.max(0, 100 - weights.reduce((sum, percent) => sum + percent, 0));
  const { quota } = largestRemainder(
    [...weights, rest],
    budget,
    [...weights, rest].map(() => budget),
  );
  shared.forEach(([source], i) => {
    bounds.set(source, { least: quota[i]!, most: quota[i]! });
  });
  for (const [source, { count, percent }] of rules.quota)
    if (percent === 0) bounds.set(source, { least: count, most: count });
  const share = ({ count, percent }: Amount, round: (x: number) => number): number =>
    // 0.29 * 100 is 28.999999999999996.
    percent > 0 ? round(Number(((percent * budget) / 100).toPrecision(12))) : count;
  for (const source of new Set([...rules.floor.keys(), ...rules.max.keys()])) {
    const [floor, max] = [rules.floor.get(source), rules.max.get(source)];
    const least = floor === undefined ? 0 : share(floor, Math.ceil);
    const most = max === undefined ? Number.POSITIVE_INFINITY : share(max, Math.floor);
    if (least > most) throw clash(`the floor of "${source}" (${least}) is above its maximum (${most})`);
    bounds.set(source, { least, most });
  }
  for (const [source, { most }] of bounds) {
    const mine = certain.get(source) ?? 0;
    if (mine > most) throw clash(`${mine} samples of "${source}" are always kept, and its maximum is ${most}`);
  }
  const least = [...bounds].reduce(
    (sum, [source, bound]) => sum + Math.min(bound.least, available.get(source) ?? 0),
    0,
  );
  if (least > budget) throw clash(`quotas and floors ask for ${least} samples, and the budget is ${budget}`);
  return bounds;
}

/** The smallest budget that rules can be met with, whatever their shares round to. */
export function leastBudget(rules: ParsedRules): number {
  const all = [...rules.quota.values(), ...rules.floor.values()];
  const counts = all.reduce((sum, { count }) => sum + count, 0);
  const percent = all.reduce((sum, amount) => sum + amount.percent, 0);
  return counts === 0 ? 0 : Math.ceil(counts / Math.max(0.01, 1 - percent / 100)) + all.length;
}

function amounts(kind: string, given: SourceAmounts | undefined): Map<string, Amount> {
  const pairs = Array.isArray(given) ? given.map((text) => splitPair(kind, text)) : Object.entries(given ?? {});
  const map = new Map<string, Amount>();
  for (const [source, amount] of pairs) {
    if (map.has(source)) throw clash(`--${kind} is given twice for "${source}"`);
    map.set(source, parseAmount(kind, source, String(amount)));
  }
  return map;
}

function splitPair(kind: string, text: string): [string, string] {
  // The last sign: a source may hold one in its name.
  const at = text.lastIndexOf('=');
  return at < 1 ? invalid(kind, text) : [text.slice(0, at), text.slice(at + 1)];
}

function parseAmount(kind: string, source: string, text: string): Amount {
  const found = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  const value = Number(found?.[1]);
  if (found === null) return invalid(kind, `${source}=${text}`);
  if (found[2] === '%') return value <= 100 ? { count: 0, percent: value } : invalid(kind, `${source}=${text}`);
  return Number.isSafeInteger(value) ? { count: value, percent: 0 } : invalid(kind, `${source}=${text}`);
}

function invalid(kind: string, text: string): never {
  throw new WinnowError({
    code: 'SOURCE_AMOUNT_INVALID',
    message: `--${kind} is written SOURCE=20% (of the samples kept) or SOURCE=100 (samples), got "${text}".`,
    hint: `For example --${kind} gqa=20%.`,
    exitCode: 2,
  });
}

function clash(what: string): WinnowError {
  return new WinnowError({
    code: 'SOURCE_RULES_CLASH',
    message: `The rules for sources can't all be met: ${what}.`,
    hint: 'Lower one of them, or raise the budget.',
    exitCode: 2,
  });
}
