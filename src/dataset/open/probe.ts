import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { WinnowError } from '../../base/errors.ts';
import type { Probe } from '../format.ts';
import { isObject } from '../formats/build.ts';
import { type Member, scanMembers } from '../records/json-members.ts';
import { parseRecord } from '../records/json-parse.ts';
import { type JsonShape, truncatedFile } from '../records/json-source.ts';
import { type JsonLayout, splitRecords, TruncatedJson } from '../records/json-split.ts';
import { openWindow } from '../records/json-window.ts';

const RECORDS = 20;
/** Bytes looked at to tell lines from one value over several lines. */
const HEAD = 1 << 20;
const MAGIC = 4096;
const LINES = /\.(jsonl|ndjson|jsonlines)(\.(gz|zst))?$/i;
/** One object larger than this isn't read to see whether it is a single record. */
const LARGE = 16 << 20;
/** Names under which some publishers wrap the list of their records: `{"version": 1, "data": [...]}`. */
const WRAPPERS = new Set(['data', 'rows', 'samples', 'examples']);

export interface Probed {
  probe: Probe;
  /** How a JSON file is cut into records. */
  shape?: JsonShape;
  /** Why a file isn't read as JSON; for when no format of its own container knows it. */
  notJson?: WinnowError;
}

/**
 * What a path holds, from its first records: how it is cut and what they are. Throws `NOT_FOUND`, `FILE_EMPTY`.
 * @param given the file's own path where `path` is its unpacked copy
 */
export function probePath(path: string, given = path): Probed {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new WinnowError({
      code: 'NOT_FOUND',
      message: 'There is no such file or folder.',
      where: { file: path },
      hint: 'Check the path.',
      exitCode: 2,
    });
  }
  if (stat.isDirectory()) {
    const entries = readdirSync(path).sort();
    return { probe: { ...NOTHING, path, isFolder: true, entries } };
  }
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(Math.min(HEAD, stat.size));
    const length = readSync(fd, head, 0, head.length, 0);
    const seen: Probe = { ...NOTHING, path, head: head.subarray(0, Math.min(length, MAGIC)) };
    const shape = shapeOf(given, head.subarray(0, length), length < stat.size);
    if (shape instanceof WinnowError) return { probe: seen, notJson: shape };
    const members = head[shape.start] === 0x7b ? onlyObject(fd, shape.start, stat.size) : [];
    const list = members.find(({ key, kind, first }) => WRAPPERS.has(key) && kind === 'array' && isObject(first[0]));
    if (list !== undefined) Object.assign(shape, { layout: 'inner', start: list.offset });
    const isLarge = members.length > 0 && list === undefined && stat.size > LARGE;
    const first = isLarge ? { records: [] } : firstRecords(given, fd, shape);
    const { records } = first;
    const inArray = shape.layout === 'array' || shape.layout === 'inner';
    // One line is a file of lines still, where its name says so.
    const isWhole = members.length > 0 && !LINES.test(given);
    const container = inArray ? 'array' : isWhole ? 'object' : 'lines';
    return { probe: { ...seen, container, members, records }, shape, notJson: first.notJson };
  } finally {
    closeSync(fd);
  }
}

const NOTHING: Omit<Probe, 'path'> = {
  isFolder: false,
  entries: [],
  head: new Uint8Array(),
  container: 'none',
  members: [],
  records: [],
};

function shapeOf(path: string, head: Buffer, cut: boolean): JsonShape | WinnowError {
  let start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  const encoding = wideEncoding(head);
  if (encoding !== undefined) {
    return new WinnowError({
      code: 'FILE_ENCODING',
      message: `The file is ${encoding}, and JSON is read as UTF-8.`,
      where: { file: path },
      hint: `Convert it: iconv -f ${encoding} -t UTF-8 OLD > NEW.`,
    });
  }
  while (start < head.length && /\s/.test(String.fromCharCode(head[start]!))) start++;
  if (start === head.length) {
    throw new WinnowError({
      code: 'FILE_EMPTY',
      message: 'The file is empty.',
      where: { file: path },
      hint: 'Give a file with at least one record.',
    });
  }
  if (head[start] === 0x5b && !isLines(head, start, cut)) return { layout: 'array', start };
  if (isLines(head, start, cut)) return { layout: 'lines', start };
  if (head[start] === 0x7b) return { layout: 'sequence', start };
  return new WinnowError({
    code: 'NOT_JSON',
    message: `The file begins with ${JSON.stringify(head.toString('utf8', start, start + 20))}, which is neither a JSON array nor JSON lines.`,
    where: { file: path, offset: start },
    hint: 'Give a .json or .jsonl file, or a folder of images.',
  });
}

/** UTF-16 or UTF-32, by the mark at the beginning or by the zeros beside the first characters; undefined: neither. */
function wideEncoding(head: Buffer): string | undefined {
  const start = head.subarray(0, 8);
  const isZero = (at: number): boolean => start[at] === 0;
  if (start.length < 4) return undefined;
  const [a, b] = [start[0]!, start[1]!];
  if (a === 0xff && b === 0xfe) return isZero(2) && isZero(3) ? 'UTF-32' : 'UTF-16';
  if (a === 0xfe && b === 0xff) return 'UTF-16';
  if (isZero(0) && isZero(1) && (start[2] === 0xfe || !isZero(3))) return 'UTF-32BE';
  const text = (at: number): boolean => [0x5b, 0x7b, 0x20, 0x0a, 0x0d, 0x09].includes(start[at]!);
  if (text(0) && isZero(1)) return isZero(2) && isZero(3) ? 'UTF-32LE' : 'UTF-16LE';
  return isZero(0) && text(1) ? 'UTF-16BE' : undefined;
}

/** The members of the object that the whole file is; none where other values follow it. */
function onlyObject(fd: number, start: number, size: number): Member[] {
  const { members, end } = scanMembers(fd, start);
  if (end === undefined) return members;
  const after = Buffer.alloc(Math.min(MAGIC, size - end));
  return after.toString('utf8', 0, readSync(fd, after, 0, after.length, end)).trim() === '' ? members : [];
}

/** JSON lines, if one of the first lines is an object by itself. A single line that is an array is that array. */
function isLines(head: Buffer, start: number, cut: boolean): boolean {
  const lines = head.toString('utf8', start).split('\n');
  if (cut && lines.length > 1) lines.pop();
  return lines.slice(0, RECORDS).some((line) => {
    const text = line.trim();
    if (!text.startsWith('{') || !text.endsWith('}')) return false;
    // An element of an array that stands on a line of its own isn't JSON lines.
    return head[start] !== 0x5b && parseRecord(Buffer.from(text)).ok;
  });
}

function firstRecords(path: string, fd: number, shape: JsonShape): { records: unknown[]; notJson?: WinnowError } {
  const window = openWindow(fd, shape.start, HEAD);
  window.refill(0);
  const records: unknown[] = [];
  let notJson: WinnowError | undefined;
  const spans = splitRecords(window, shape.layout as JsonLayout);
  try {
    let seen = 0;
    for (let step = spans.next(); !step.done && records.length < RECORDS && seen < RECORDS * 5; seen++) {
      const { start, end, damage } = step.value;
      const parsed = damage === undefined ? parseRecord(window.bytes.subarray(start, end)) : undefined;
      if (parsed?.ok) records.push(parsed.value);
      else if (parsed !== undefined) notJson ??= notRecord(path, window.base + start, parsed.reason);
      step = spans.next(parsed?.ok === true);
    }
  } catch (error) {
    // The index reports a truncated file; for the format its first records are enough, if there are any.
    if (!(error instanceof TruncatedJson)) throw error;
    if (records.length === 0) throw truncatedFile(path, error);
  }
  return { records, notJson: records.length === 0 ? notJson : undefined };
}

function notRecord(path: string, offset: number, reason: string): WinnowError {
  return new WinnowError({
    code: reason.includes('UTF-8') ? 'FILE_ENCODING' : 'NOT_JSON',
    message: `No record of the file can be read; of the first one: ${reason}`,
    where: { file: path, offset },
    hint: 'Fix the file where it is made.',
  });
}
