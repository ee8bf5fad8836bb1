/**
 * A number as it stands in a file, where JavaScript's own would lose something of it: digits beyond a double, `1.0`,
 * `-0.0`, `1e-07`, and what JSON has no number for (`NaN`, `Infinity`). Arithmetic takes the nearest double.
 */
export class ExactNumber {
  readonly literal: string;
  constructor(literal: string) {
    this.literal = literal;
  }
  valueOf(): number {
    return Number(this.literal);
  }
  toString(): string {
    return this.literal;
  }
  /**
   * For `JSON.stringify` at large: a number where that is the same value, else its digits as text. {@link exactJson}
   * writes it as it stands.
   */
  toJSON(): unknown {
    const value = Number(this.literal);
    if (!Number.isFinite(value) && !/\d/.test(this.literal)) return writing?.nonFinite ? mark(this.literal) : null;
    if (writing !== undefined) return mark(this.literal);
    return isSameValue(this.literal, value) ? value : this.literal;
  }
}

/** What {@link exactJson} is at; undefined: somebody else calls `JSON.stringify`. */
let writing: { nonFinite: boolean; marked: boolean } | undefined;

/**
 * Stands before the digits of a number while it passes through the platform's JSON as a string; no file can hold it.
 */
const MARK = `\u0001${crypto.randomUUID()}:`;
const MARKED = new RegExp(`"${JSON.stringify(MARK).slice(1, -1).replace('\\', '\\\\')}([^"]*)"`, 'g');

function mark(literal: string): string {
  if (writing !== undefined) writing.marked = true;
  return MARK + literal;
}

/**
 * The JSON text of a value, every number as it stood in its file.
 *
 * @param nonFinite `literal`: `NaN` and `Infinity` as Python writes them; `null`: as null, since JSON has no such
 * numbers
 */
export function exactJson(value: unknown, nonFinite: 'literal' | 'null' = 'null', indent?: number): string {
  const outer = writing;
  const mine = { nonFinite: nonFinite === 'literal', marked: false };
  writing = mine;
  try {
    const text = JSON.stringify(value, null, indent);
    return mine.marked ? text.replace(MARKED, '$1') : text;
  } finally {
    writing = outer;
  }
}

/**
 * Values that may need more than a double: looked for before a text is taken apart. Words in texts that look so cost
 * only time.
 */
const SUSPICIOUS = /[:[,\s]-?(?:\d{16}|\d+\.\d*0(?!\d)|\d+\.\d{15}|\d+(?:\.\d+)?[eE]|0(?![\d.])(?<=-0))/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?\bInfinity\b|\bNaN\b/gs;

/**
 * Parse JSON text; numbers that a double doesn't spell as they stand come as {@link ExactNumber}. Throws `SyntaxError`.
 */
export function parseExact(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return SUSPICIOUS.test(text) || /^-?\d/.test(text) ? reparse(text) : value;
}

/** The same for text in which Python's `NaN` and `Infinity` stand as values. Throws `SyntaxError`. */
export function reparse(text: string): unknown {
  let marked = false;
  const spelled = text.replace(TOKEN, (token) => {
    if (token.startsWith('"') || isOrdinary(token)) return token;
    marked = true;
    return JSON.stringify(MARK + token);
  });
  const value: unknown = JSON.parse(spelled);
  return marked ? restore(value) : value;
}

/** Either of both: JSON, or what Python writes for it. Throws `SyntaxError`. */
export function parsePython(text: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    try {
      return reparse(text);
    } catch {
      throw error;
    }
  }
}

/** True for a number that is written again as it stands. */
function isOrdinary(literal: string): boolean {
  return String(Number(literal)) === literal && /\d/.test(literal);
}

function restore(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? new ExactNumber(value.slice(MARK.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = restore(value[i]);
    return value;
  }
  for (const [key, item] of Object.entries(value)) {
    const restored = restore(item);
    // `__proto__` is a name like any other in JSON.
    if (restored !== item)
      Object.defineProperty(value, key, { value: restored, enumerable: true, writable: true, configurable: true });
  }
  return value;
}

/** A number from its digits: a plain one where that says the same. */
export function numberFrom(literal: string): number | ExactNumber {
  return isOrdinary(literal) ? Number(literal) : new ExactNumber(literal);
}

/** True for numbers, also those that keep their digits. */
export function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === 'number' || value instanceof ExactNumber;
}

/** True for `NaN` and the infinities. */
export function isNonFinite(value: unknown): boolean {
  return isNumber(value) && !/\d/.test(String(value));
}

/** A copy with every number as a double: for what counts with them. */
export function plainNumbers(value: unknown): unknown {
  if (value instanceof ExactNumber) return value.valueOf();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plainNumbers);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}

/** Whether a double is exactly the number that the digits say. */
function isSameValue(literal: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const digits = (text: string): string => {
    const [, sign, whole, part = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
    const all = `${whole}${part}`.replace(/^0+/, '');
    const kept = all.replace(/0+$/, '');
    return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - part.length + all.length - kept.length}`;
  };
  return digits(literal) === digits(String(value));
}
