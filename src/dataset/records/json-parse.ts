import { isUtf8 } from 'node:buffer';
import { parseExact, reparse } from '../exact-number.ts';
import type { JsonLayout } from './json-split.ts';

/**
 * `bare`: what stood there as a value although JSON has no such thing (`NaN`, `Infinity`); it is kept as an
 * `ExactNumber`. `gap`: what is wrong between this record and the one before it.
 */
export type Parsed =
  | { ok: true; value: unknown; bare?: string; gap?: string }
  | { ok: false; code: string; reason: string };

/** Longer texts don't fit into a string of V8's. */
const MAX_RECORD = 256 << 20;

/**
 * Parse one record, numbers as they stand ({@link ExactNumber}); of duplicate keys the last one counts, as in Python.
 */
export function parseRecord(bytes: Buffer): Parsed {
  if (bytes.length > MAX_RECORD) {
    return { ok: false, code: 'RECORD_TOO_LONG', reason: `the record has ${Math.round(bytes.length / 1e6)} MB` };
  }
  if (!isUtf8(bytes)) return { ok: false, code: 'RECORD_NOT_UTF8', reason: notUtf8(bytes) };
  const text = bytes.toString('utf8');
  try {
    return { ok: true, value: parseExact(text) };
  } catch (error) {
    const bare = bareNumber(text);
    if (bare !== undefined) {
      try {
        return { ok: true, value: reparse(text), bare };
      } catch {
        // The first message describes the text as it stands in the file.
      }
    }
    return { ok: false, code: 'RECORD_DAMAGED', reason: `not valid JSON: ${describe(error, text)}` };
  }
}

/**
 * Where the first byte stands that UTF-8 doesn't have, and how the text there reads as Windows-1252, which most such
 * files are.
 */
function notUtf8(bytes: Buffer): string {
  // A character that is whole in both is U+FFFD only where the bytes are none.
  const at = Buffer.byteLength(bytes.toString('utf8').split('\uFFFD', 1)[0]!);
  const byte = bytes[at]!.toString(16).toUpperCase().padStart(2, '0');
  const near = new TextDecoder('windows-1252').decode(bytes.subarray(Math.max(0, at - 12), at + 12));
  return (
    `the record is not valid UTF-8: byte 0x${byte} at ${at}; as Windows-1252 (Latin-1) it reads ${JSON.stringify(near)}. ` +
    'Convert the file: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW'
  );
}

/** Strings are matched first and kept, so that only literals outside of them are replaced. */
const BARE = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs;

/** One record of a file: a member of an object is an object of one key. */
export function parseInLayout(bytes: Buffer, layout: JsonLayout): Parsed {
  return parseRecord(layout === 'members' ? Buffer.concat([OPEN, bytes, CLOSE]) : bytes);
}

const OPEN = Buffer.from('{');
const CLOSE = Buffer.from('}');

/** The first of Python's numbers that JSON has no word for. */
function bareNumber(text: string): string | undefined {
  const tokens = text.matchAll(BARE);
  for (const [token] of tokens) if (!token.startsWith('"')) return token;
  return undefined;
}

function describe(error: unknown, text: string): string {
  const message = (error as Error).message;
  const at = /position (\d+)/.exec(message)?.[1];
  if (at === undefined) return message.split('\n')[0]!.slice(0, 120);
  const position = Number(at);
  const near = JSON.stringify(text.slice(Math.max(0, position - 20), position + 20));
  return `${message.replace(/ in JSON at position.*/s, '').slice(0, 60)} at character ${position}, near ${near}`;
}
