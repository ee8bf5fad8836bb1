import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { WinnowError } from './errors.ts';
import type { Probe } from './format.ts';
import { parseRecord } from './json-parse.ts';
import { type JsonShape, truncatedFile } from './json-source.ts';
import { type JsonLayout, splitRecords, TruncatedJson } from './json-split.ts';
import { openWindow } from './json-window.ts';

const RECORDS = 20;
/** Bytes looked at to tell lines from one value over several lines. */
const HEAD = 1 << 20;

/** What a path holds, from its first records: how it is cut and what they are. Throws `NOT_FOUND`, `FILE_EMPTY`, `NOT_JSON`. */
export function probePath(path: string): { probe: Probe; shape?: JsonShape } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new WinnowError({
      code: 'NOT_FOUND',
      message: 'there is no such file or folder',
      where: { file: path },
      hint: 'Check the path.',
      exitCode: 2,
    });
  }
  if (stat.isDirectory()) {
    const entries = readdirSync(path).sort();
    return { probe: { path, isFolder: true, entries, container: 'none', records: [] } };
  }
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(Math.min(HEAD, stat.size));
    const length = readSync(fd, head, 0, head.length, 0);
    const shape = shapeOf(path, head.subarray(0, length), length < stat.size);
    const records = firstRecords(path, fd, shape);
    const container = shape.layout === 'array' ? 'array' : 'lines';
    return { probe: { path, isFolder: false, entries: [], container, records }, shape };
  } finally {
    closeSync(fd);
  }
}

function shapeOf(path: string, head: Buffer, cut: boolean): JsonShape {
  let start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw new WinnowError({
      code: 'FILE_ENCODING',
      message: 'the file is UTF-16',
      where: { file: path },
      hint: 'Save it as UTF-8.',
    });
  }
  if (head[0] === 0x1f && head[1] === 0x8b) {
    throw new WinnowError({
      code: 'FILE_COMPRESSED',
      message: 'the file is compressed with gzip',
      where: { file: path },
      hint: 'Unpack it first: gunzip -k FILE.',
    });
  }
  while (start < head.length && /\s/.test(String.fromCharCode(head[start]!))) start++;
  if (start === head.length) {
    throw new WinnowError({
      code: 'FILE_EMPTY',
      message: 'the file is empty',
      where: { file: path },
      hint: 'Give a file with at least one record.',
    });
  }
  if (head[start] === 0x5b && !isLines(head, start, cut)) return { layout: 'array', start };
  if (isLines(head, start, cut)) return { layout: 'lines', start };
  if (head[start] === 0x7b) return { layout: 'sequence', start };
  throw new WinnowError({
    code: 'NOT_JSON',
    message: `the file begins with ${JSON.stringify(head.toString('utf8', start, start + 20))}, which is neither a JSON array nor JSON lines`,
    where: { file: path, offset: start },
    hint: 'Give a .json or .jsonl file, or a folder of images.',
  });
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

function firstRecords(path: string, fd: number, shape: JsonShape): unknown[] {
  const window = openWindow(fd, shape.start, HEAD);
  window.refill(0);
  const records: unknown[] = [];
  const spans = splitRecords(window, shape.layout as JsonLayout);
  try {
    let seen = 0;
    for (let step = spans.next(); !step.done && records.length < RECORDS && seen < RECORDS * 5; seen++) {
      const { start, end, damage } = step.value;
      const parsed = damage === undefined ? parseRecord(window.bytes.subarray(start, end)) : undefined;
      if (parsed?.ok) records.push(parsed.value);
      step = spans.next(parsed?.ok === true);
    }
  } catch (error) {
    // The index reports a truncated file; for the format its first records are enough, if there are any.
    if (!(error instanceof TruncatedJson)) throw error;
    if (records.length === 0) throw truncatedFile(path, error);
  }
  return records;
}
