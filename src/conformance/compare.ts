import { isRecord } from './fixture.ts';

const RELATIVE = 1e-5;
/** Single precision, in which most published code computes, holds a number of a list to this part of the largest one. */
const SINGLE = 2 ** -22;

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

function sameNumber(expected: number, got: number, tolerance: number, floor: number): boolean {
  if (Number.isSafeInteger(expected) && Number.isSafeInteger(got)) return expected === got;
  return Object.is(expected, got) || Math.abs(expected - got) <= Math.max(tolerance * Math.abs(expected), floor);
}

/** The largest magnitude in a list of numbers, or of such lists. */
function largest(value: unknown): number {
  if (typeof value === 'number') return Math.abs(value);
  return Array.isArray(value) ? value.reduce<number>((most, one) => Math.max(most, largest(one)), 0) : 0;
}

/**
 * The first difference between two values, in words: which part, what was expected, what came out. Floats agree to a relative 1e-5 (or `tolerance`),
 * those of a list at least to single precision of its largest; integers and texts exactly, lists in order, objects by key whatever the order.
 * Undefined: none.
 *
 * @param floor absolute difference that floats may have; set by the list that they are in
 */
export function differs(
  what: string,
  expected: unknown,
  got: unknown,
  tolerance = RELATIVE,
  floor = 0,
): string | undefined {
  const said = `${what}: expected ${show(expected)}, got ${show(got)}`;
  if (typeof expected === 'number' && typeof got === 'number')
    return sameNumber(expected, got, tolerance, floor) ? undefined : said;
  if (Array.isArray(expected) && Array.isArray(got)) {
    if (expected.length !== got.length) return `${said} (${expected.length} against ${got.length} values)`;
    const own = Math.max(floor, SINGLE * largest(expected));
    for (let i = 0; i < expected.length; i++) {
      const difference = differs(`${what}[${i}]`, expected[i], got[i], tolerance, own);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isRecord(expected) && isRecord(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const difference = differs(`${what}.${key}`, expected[key], got[key], tolerance);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return expected === got ? undefined : said;
}
