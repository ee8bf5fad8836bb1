import { isRecord } from './fixture.ts';

const RELATIVE = 1e-5;

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

function sameNumber(expected: number, got: number, tolerance: number): boolean {
  if (Number.isInteger(expected) && Number.isInteger(got)) return expected === got;
  return Object.is(expected, got) || Math.abs(expected - got) <= tolerance * Math.abs(expected);
}

/**
 * The first difference between two values, in words: which part, what was expected, what came out. Floats agree to a relative 1e-5 (or `tolerance`), integers
 * and texts exactly, lists in order, objects by key whatever the order. Undefined: none.
 */
export function differs(what: string, expected: unknown, got: unknown, tolerance = RELATIVE): string | undefined {
  const said = `${what}: expected ${show(expected)}, got ${show(got)}`;
  if (typeof expected === 'number' && typeof got === 'number')
    return sameNumber(expected, got, tolerance) ? undefined : said;
  if (Array.isArray(expected) && Array.isArray(got)) {
    if (expected.length !== got.length) return `${said} (${expected.length} against ${got.length} values)`;
    for (let i = 0; i < expected.length; i++) {
      const difference = differs(`${what}[${i}]`, expected[i], got[i], tolerance);
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
