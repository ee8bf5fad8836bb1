import { readSync } from 'node:fs';
import { parseRecord } from './json-parse.ts';
import { splitRecords, TruncatedJson } from './json-split.ts';
import type { ByteWindow } from './json-window.ts';

/** A member of the JSON object that a file is: where its value stands and how it begins. */
export interface Member {
  key: string;
  /** File offset of the value's first byte. */
  offset: number;
  kind: 'array' | 'object' | 'other';
  /**
   * Of an array its first elements (up to 3), of anything else itself; parsed, for the first few members and where it
   * can be.
   */
  first: unknown[];
}

const CHUNK = 1 << 20;
const PEEK = 8;
/** A value that doesn't end within this many bytes isn't looked into. */
const PEEK_BYTES = 1 << 18;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The first members of the object that begins at `start`, without keeping their values: a large array between two keys
 * is read over. Stops at `most` members, where the file ends, or at the object's `end` (the offset after its bracket).
 */
export function scanMembers(fd: number, start: number, most = 64): { members: Member[]; end?: number } {
  const { members, end } = findMembers(fd, start, most);
  const peeked = members.map((member, index) => ({ ...member, first: index < PEEK ? firstOf(fd, member) : [] }));
  return { members: peeked, end };
}

function findMembers(fd: number, start: number, most: number): { members: Omit<Member, 'first'>[]; end?: number } {
  const members: Omit<Member, 'first'>[] = [];
  const chunk = Buffer.allocUnsafe(CHUNK);
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Bytes of a key at depth 1 while it is read; undefined elsewhere. */
  let key: number[] | undefined;
  let named: string | undefined;
  let awaitsValue = false;
  for (let base = start; ; ) {
    const length = readSync(fd, chunk, 0, CHUNK, base);
    if (length === 0) return { members };
    for (let at = 0; at < length; at++) {
      const byte = chunk[at]!;
      if (inString) {
        if (key === undefined && !escaped) {
          // Over the body of a long string in one step.
          const next = nextSpecial(chunk, at, length);
          if (next > at) {
            at = next - 1;
            continue;
          }
        }
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (key !== undefined) named = text(key);
          key = undefined;
          continue;
        }
        key?.push(byte);
        continue;
      }
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      if (awaitsValue && depth === 1 && named !== undefined) {
        const kind = byte === 0x5b ? 'array' : byte === 0x7b ? 'object' : 'other';
        members.push({ key: named, offset: base + at, kind });
        if (members.length === most) return { members };
        awaitsValue = false;
        named = undefined;
      } else if (depth === 1 && byte === 0x3a) {
        awaitsValue = true;
        continue;
      } else if (depth === 1 && byte === QUOTE) key = [];
      if (byte === QUOTE) inString = true;
      else if (byte === 0x7b || byte === 0x5b) depth++;
      else if (byte === 0x7d || byte === 0x5d) {
        depth--;
        if (depth <= 0) return { members, end: base + at + 1 };
      }
    }
    base += length;
  }
}

/** The first elements of an array, or the one value. */
function firstOf(fd: number, { offset, kind }: Omit<Member, 'first'>): unknown[] {
  const bytes = Buffer.allocUnsafe(PEEK_BYTES);
  const length = readSync(fd, bytes, 0, PEEK_BYTES, offset);
  const window: ByteWindow = { bytes, length, base: 0, refill: () => false };
  const spans = splitRecords(window, kind === 'array' ? 'inner' : 'sequence');
  const values: unknown[] = [];
  try {
    for (let step = spans.next(); !step.done && values.length < (kind === 'array' ? 3 : 1); step = spans.next(true)) {
      const parsed = step.value.damage === undefined && parseRecord(bytes.subarray(step.value.start, step.value.end));
      if (parsed === false || !parsed.ok) break;
      values.push(parsed.value);
    }
  } catch (error) {
    if (!(error instanceof TruncatedJson)) throw error;
  }
  return values;
}

function nextSpecial(bytes: Buffer, from: number, length: number): number {
  let at = from;
  while (at < length && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
  return at;
}

function text(bytes: number[]): string {
  const raw = Buffer.from(bytes).toString('utf8');
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
