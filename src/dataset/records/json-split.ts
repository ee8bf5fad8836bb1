import type { ByteWindow } from './json-window.ts';

/**
 * How records stand in a file: elements of one array, one a line, values one after another over several lines, elements
 * of an array inside of an object (reading ends with that array), or members of one object (`"key": value`, key and
 * all).
 */
export type JsonLayout = 'array' | 'lines' | 'sequence' | 'inner' | 'members';

/** The bytes `[start, end)` of one record in `window.bytes`, valid until the next one is asked for. */
export interface RecordSpan {
  start: number;
  end: number;
  /** File offset of `start`. */
  offset: number;
  /**
   * Set where the brackets don't match or the file ends: the span is damaged and its end is where reading can go on.
   */
  damage?: string;
  /** Set where other than one comma stands between this record and the one before it. */
  gap?: string;
}

/** A record larger than this is treated as damaged (a quote or bracket that never closes). */
const MAX_RECORD = 256 << 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Thrown by the splitter where an array ends in the middle; the opener adds the file's name. */
export class TruncatedJson extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Cut a file into records by scanning bytes, without parsing. After each span the caller answers with `next(parsed)`:
 * on `false` the splitter looks inside the span for the head of a further record (`{"<first key>":`) that the damage
 * swallowed.
 */
export function* splitRecords(
  window: ByteWindow,
  layout: JsonLayout,
): Generator<RecordSpan, void, boolean | undefined> {
  if (layout === 'lines') yield* splitLines(window);
  else yield* splitValues(window, layout);
}

function* splitLines(window: ByteWindow): Generator<RecordSpan, void, boolean | undefined> {
  let start = 0;
  let searched = 0;
  for (;;) {
    let end = window.bytes.subarray(0, window.length).indexOf(0x0a, searched);
    let last = false;
    if (end < 0) {
      searched = window.length - start;
      const more = window.refill(start);
      start = 0;
      if (more) continue;
      end = window.length;
      last = true;
    }
    let from = start;
    let to = end;
    while (from < to && isSpace(window.bytes[from]!)) from++;
    while (to > from && isSpace(window.bytes[to - 1]!)) to--;
    if (to > from) yield { start: from, end: to, offset: window.base + from };
    if (last) return;
    start = end + 1;
    searched = start;
  }
}

function* splitValues(window: ByteWindow, layout: JsonLayout): Generator<RecordSpan, void, boolean | undefined> {
  const bracketed = layout !== 'sequence';
  const close = layout === 'members' ? CLOSE_OBJECT : CLOSE_ARRAY;
  let position = bracketed ? 1 : 0;
  let closed = !bracketed;
  let headKey: Buffer | undefined;
  let commas = 0;
  /** Another array begins behind the end of the one before it. */
  let glued = false;
  /** Commas that belong before the next record; undefined: it was found by its head. */
  let expected: number | undefined = 0;
  for (;;) {
    while (position < window.length && (isSpace(window.bytes[position]!) || window.bytes[position] === COMMA))
      if (window.bytes[position++] === COMMA) commas++;
    if (position >= window.length) {
      if (window.refill(window.length)) {
        position = 0;
        continue;
      }
      if (closed) return;
      throw new TruncatedJson(
        window.base,
        `the file ends before the ${layout === 'members' ? 'object' : 'array'} is closed`,
      );
    }
    if (closed && layout === 'array' && window.bytes[position] === OPEN_ARRAY) {
      glued = true;
      closed = false;
      [commas, expected] = [0, 0];
      position++;
      continue;
    }
    if (window.bytes[position] === close && !closed) {
      if (layout !== 'array') return;
      closed = true;
      expected = undefined;
      position++;
      continue;
    }
    const { start, end, damage } = layout === 'members' ? scanMember(window, position) : scanValue(window, position);
    if (layout !== 'members') headKey ??= firstKey(window, start);
    const isOdd = bracketed && expected !== undefined && commas !== expected;
    const gaps = [
      ...(glued
        ? ['the array ends before this row, and another one begins: the file is several arrays glued together']
        : []),
      ...(isOdd ? [gapOf(commas, expected === 0)] : []),
      ...(bracketed && trailingComma(window, end, close) ? ['a comma stands behind the last row'] : []),
    ];
    const gap = gaps.length > 0 ? { gap: gaps.join('; ') } : {};
    [commas, expected, glued] = [0, undefined, false];
    if (damage === undefined) {
      const parsed = yield { start, end, offset: window.base + start, ...gap };
      // A span that doesn't parse may have swallowed its neighbours through a lost quote: look for their heads inside
      // it.
      const next = parsed === false && headKey !== undefined ? findHead(window, headKey, start + 1, end) : -1;
      position = next < 0 ? end : next;
      if (next < 0) expected = 1;
      continue;
    }
    const next = searchHead(window, headKey, start);
    if (next > 0) {
      yield { start: 0, end: next, offset: window.base, damage };
      position = next;
      continue;
    }
    // Nothing more to read as records. With the array's own bracket at the very end only this record is damaged.
    let last = window.length;
    while (last > 0 && isSpace(window.bytes[last - 1]!)) last--;
    const bracket = !closed && last > 0 && window.bytes[last - 1] === close;
    if (!closed && !bracket) throw new TruncatedJson(window.base, 'the file ends inside the record that starts here');
    yield { start: 0, end: bracket ? last - 1 : last, offset: window.base, damage };
    return;
  }
}

/** True where nothing but commas stands between the end of a record and the bracket, as far as the window goes. */
function trailingComma({ bytes, length }: ByteWindow, end: number, close: number): boolean {
  let commas = 0;
  for (let at = end; at < length; at++) {
    if (bytes[at] === COMMA) commas++;
    else if (!isSpace(bytes[at]!)) return commas > 0 && bytes[at] === close;
  }
  return false;
}

function gapOf(commas: number, isFirst: boolean): string {
  const seen = commas === 0 ? 'no comma stands' : commas === 1 ? '1 comma stands' : `${commas} commas stand`;
  return isFirst ? `${seen} before the first row` : `${seen} between this row and the one before it`;
}

/** End of the member `"key": value` at `position`. */
function scanMember(window: ByteWindow, position: number): { start: number; end: number; damage?: string } {
  const key = scanValue(window, position);
  if (key.damage !== undefined) return key;
  let { start, end: at } = key;
  let colons = 0;
  for (;;) {
    while (at < window.length && (isSpace(window.bytes[at]!) || (window.bytes[at] === COLON && colons++ === 0))) at++;
    if (at < window.length) break;
    const more = window.refill(start);
    at -= start;
    start = 0;
    if (!more) return { start, end: at, damage: 'a key without a value' };
  }
  if (colons === 0) return { start, end: at, damage: 'a key without a value' };
  return scanValue(window, at, start);
}

/**
 * End of the value at `position`, by depth and strings only; bytes from `start` on are kept. All returned positions
 * hold for the window as it is then.
 */
function scanValue(
  window: ByteWindow,
  position: number,
  start = position,
): { start: number; end: number; damage?: string } {
  const first = window.bytes[position]!;
  let begun = position;
  const stack: number[] = [];
  const scalar = first !== OPEN_ARRAY && first !== OPEN_OBJECT && first !== QUOTE;
  let inString = false;
  for (;;) {
    const { bytes, length } = window;
    while (position < length) {
      if (inString) {
        const quote = closingQuote(bytes, position, length);
        if (quote < 0) {
          // A backslash run may be cut by the window's edge: start again at the run.
          let edge = length;
          while (edge > position && bytes[edge - 1] === BACKSLASH) edge--;
          position = edge;
          break;
        }
        position = quote + 1;
        inString = false;
        if (stack.length === 0) return { start, end: position };
        continue;
      }
      const byte = bytes[position]!;
      if (scalar) {
        const ends =
          isSpace(byte) ||
          byte === COMMA ||
          byte === CLOSE_ARRAY ||
          byte === CLOSE_OBJECT ||
          byte === OPEN_OBJECT ||
          byte === OPEN_ARRAY;
        if (ends && position > begun) return { start, end: position };
        position++;
        continue;
      }
      position++;
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) stack.push(byte + 2);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (stack.pop() !== byte)
          return { start, end: position, damage: `'${String.fromCharCode(byte)}' closes nothing` };
        if (stack.length === 0) return { start, end: position };
      }
    }
    if (window.length - start > MAX_RECORD) return { start, end: position, damage: 'longer than 256 MB' };
    const more = window.refill(start);
    position -= start;
    begun -= start;
    start = 0;
    if (!more) {
      if (scalar) return { start, end: window.length };
      return { start, end: window.length, damage: 'a quote or bracket is never closed' };
    }
  }
}

/** Index of the quote that closes a string whose body continues at `from`, or -1. Short bodies are scanned in place. */
function closingQuote(bytes: Buffer, from: number, length: number): number {
  const near = Math.min(length, from + 24);
  let position = from;
  while (position < near) {
    const byte = bytes[position]!;
    if (byte === QUOTE) return position;
    position += byte === BACKSLASH ? 2 : 1;
  }
  let body = position;
  for (;;) {
    if (position >= length) return -1;
    const quote = bytes.indexOf(QUOTE, position);
    if (quote < 0 || quote >= length) return -1;
    let run = quote;
    while (run > body && bytes[run - 1] === BACKSLASH) run--;
    if ((quote - run) % 2 === 0) return quote;
    position = quote + 1;
    body = position;
  }
}

/** The quoted first key of the object at `start`: the mark by which further records are recognised after damage. */
function firstKey(window: ByteWindow, start: number): Buffer | undefined {
  const { bytes, length } = window;
  if (bytes[start] !== OPEN_OBJECT) return undefined;
  let from = start + 1;
  while (from < length && isSpace(bytes[from]!)) from++;
  if (bytes[from] !== QUOTE) return undefined;
  const to = closingQuote(bytes, from + 1, Math.min(length, from + 200));
  return to < 0 ? undefined : Buffer.from(bytes.subarray(from, to + 1));
}

/** First `{ "<key>" :` in `[from, to)` that follows a comma or begins a line; index of its bracket, or -1. */
function findHead(window: ByteWindow, key: Buffer, from: number, to: number): number {
  const { bytes } = window;
  const text = bytes.subarray(0, to);
  for (let at = text.indexOf(key, from); at >= 0; at = text.indexOf(key, at + 1)) {
    let after = at + key.length;
    while (after < to && isSpace(bytes[after]!)) after++;
    let bracket = at - 1;
    while (bracket > from && isSpace(bytes[bracket]!)) bracket--;
    if (bytes[after] !== COLON || bytes[bracket] !== OPEN_OBJECT || bracket < from) continue;
    let before = bracket - 1;
    let line = false;
    while (before > from && isSpace(bytes[before]!)) line = bytes[before--] === 0x0a || line;
    if (line || bytes[before] === COMMA) return bracket;
  }
  return -1;
}

/**
 * The next record head after the damaged one at `start`, reading on as needed. The window then begins at the damaged
 * record.
 */
function searchHead(window: ByteWindow, key: Buffer | undefined, start: number): number {
  let more = window.refill(start);
  let searched = 1;
  for (;;) {
    if (key !== undefined) {
      const head = findHead(window, key, searched, window.length);
      if (head > 0) return head;
      searched = Math.max(1, window.length - key.length - 4096);
    }
    if (!more) return -1;
    if (window.length > 2 * MAX_RECORD) {
      throw new TruncatedJson(
        window.base,
        'no further record could be recognised after the damaged one that starts here',
      );
    }
    more = window.refill(0);
  }
}
