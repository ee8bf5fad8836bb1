import { isRecord, toNumber } from './fixture.ts';

const RELATIVE = 1e-5;
/**
 * Single precision, in which most published code computes, holds a number of a list to this part of the largest one.
 */
const SINGLE = 2 ** -22;

/** How close floats must be. */
export interface Closeness {
  /** Relative. @default 1e-5 */
  tolerance?: number;
  /** How many decimals the fixture lists: half a unit of the last is what it doesn't tell. */
  decimals?: number;
  /** Of the largest number of the same list. @default single precision */
  ofLargest?: number;
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || value === null || value === 'NaN' || value === 'Infinity' || value === '-Infinity';

function sameNumber(
  expected: number,
  got: number,
  { tolerance = RELATIVE, decimals }: Closeness,
  floor: number,
): boolean {
  if (!Number.isFinite(expected)) return Object.is(expected, got);
  if (Number.isSafeInteger(expected) && Number.isSafeInteger(got)) return expected === got;
  const unlisted = decimals === undefined ? 0 : 0.5 * 10 ** -decimals;
  return Math.abs(expected - got) <= Math.max(tolerance * Math.abs(expected), floor) + unlisted;
}

/** The largest magnitude in a list of numbers, or of such lists. */
function largest(value: unknown): number {
  if (Number.isFinite(value)) return Math.abs(value as number);
  return Array.isArray(value) ? value.reduce<number>((most, one) => Math.max(most, largest(one)), 0) : 0;
}

/**
 * The first difference between two values, in words: which part, what was expected, what came out. Floats agree to a
 * relative 1e-5 or as `close` says, those of a list at least to single precision of its largest; integers and texts
 * exactly, lists in order, objects by key whatever the order, NaN and infinities as Python's `json` writes them.
 * Undefined: none.
 */
export function differs(what: string, expected: unknown, got: unknown, close: Closeness = {}): string | undefined {
  return compare(what, expected, got, close, 0);
}

/** @param floor absolute difference that floats may have; set by the list that they are in */
function compare(what: string, expected: unknown, got: unknown, close: Closeness, floor: number): string | undefined {
  const said = `${what}: expected ${show(expected)}, got ${show(got)}`;
  if (typeof got === 'number' && isNumber(expected)) {
    return sameNumber(toNumber(expected, what), got, close, floor) ? undefined : said;
  }
  if (Array.isArray(expected) && Array.isArray(got)) {
    if (expected.length !== got.length) return `${said} (${expected.length} against ${got.length} values)`;
    const own = Math.max(floor, (close.ofLargest ?? SINGLE) * largest(expected));
    for (let i = 0; i < expected.length; i++) {
      const difference = compare(`${what}[${i}]`, expected[i], got[i], close, own);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isRecord(expected) && isRecord(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const difference = compare(`${what}.${key}`, expected[key], got[key], close, 0);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return expected === got ? undefined : said;
}
