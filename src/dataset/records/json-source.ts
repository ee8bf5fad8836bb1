import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { WinnowError } from '../../base/errors.ts';
import { type Parsed, parseInLayout } from './json-parse.ts';
import { type JsonLayout, splitRecords, TruncatedJson } from './json-split.ts';
import { openWindow } from './json-window.ts';
import { type RecordBlock, recordBlocks } from './record-block.ts';
import type { RecordSource, Span } from './source.ts';

/** Neighbouring records are read together up to this many bytes. */
const READ_AHEAD = 4 << 20;
const BREATHE_EVERY = 16 << 20;

export interface JsonShape {
  layout: JsonLayout;
  /** First byte of the text: 3 after a byte-order mark, and on to the first that isn't white space. */
  start: number;
}

/** Records of a JSON file: an array, lines, values one after another, or what one object holds. */
export function openJsonSource(path: string, shape: JsonShape): RecordSource {
  const fd = openSync(path, 'r');
  const opened = fstatSync(fd);
  return {
    blocked: { size: opened.size, layout: shape.layout, blocks: () => blocksOf(fd, shape) },
    async scan(visit, signal) {
      const window = openWindow(fd, shape.start);
      window.refill(0);
      const spans = splitRecords(window, shape.layout);
      let rested = 0;
      try {
        for (let step = spans.next(); !step.done; ) {
          const { start, end, offset, damage, gap } = step.value;
          const bytes = window.bytes.subarray(start, end);
          const parsed: Parsed =
            damage === undefined
              ? parseInLayout(bytes, shape.layout)
              : { ok: false, code: 'RECORD_DAMAGED', reason: `not valid JSON: ${damage}` };
          if (parsed.ok && gap !== undefined) parsed.gap = gap;
          visit({ offset, length: end - start, parsed, bytes });
          if (offset - rested > BREATHE_EVERY) {
            rested = offset;
            await breathe();
            signal?.throwIfAborted();
          }
          step = spans.next(parsed.ok);
        }
      } catch (error) {
        if (!(error instanceof TruncatedJson)) throw error;
        throw truncatedFile(path, error);
      }
    },
    read(spans) {
      const now = fstatSync(fd);
      if (now.size !== opened.size || now.mtimeMs !== opened.mtimeMs) throw changed(path);
      const values: unknown[] = new Array(spans.length);
      for (let first = 0; first < spans.length; ) {
        let last = first;
        const from = spans[first]!.offset;
        let to = from + spans[first]!.length;
        while (last + 1 < spans.length && follows(spans[last]!, spans[last + 1]!, from)) {
          last++;
          to = spans[last]!.offset + spans[last]!.length;
        }
        const block = Buffer.allocUnsafe(to - from);
        if (readSync(fd, block, 0, block.length, from) !== block.length) throw changed(path);
        for (let index = first; index <= last; index++) {
          const at = spans[index]!.offset - from;
          const parsed = parseInLayout(block.subarray(at, at + spans[index]!.length), shape.layout);
          if (!parsed.ok) throw changed(path, spans[index]!.offset);
          values[index] = parsed.value;
        }
        first = last + 1;
      }
      return values;
    },
    close() {
      closeSync(fd);
    },
  };
}

function* blocksOf(fd: number, shape: JsonShape): Generator<RecordBlock | undefined> {
  const window = openWindow(fd, shape.start);
  window.refill(0);
  try {
    yield* recordBlocks(window, splitRecords(window, shape.layout));
  } catch (error) {
    if (!(error instanceof TruncatedJson)) throw error;
    yield undefined;
  }
}

function follows(a: Span, b: Span, from: number): boolean {
  const gap = b.offset - (a.offset + a.length);
  return gap >= 0 && gap < 4096 && b.offset + b.length - from <= READ_AHEAD;
}

/** The error for a file that ends in the middle: what is missing can't be known, so it is never read silently. */
export function truncatedFile(path: string, error: TruncatedJson): WinnowError {
  return new WinnowError({
    code: 'FILE_TRUNCATED',
    message: error.message,
    where: { file: path, offset: error.offset },
    hint: 'Get the whole file again. To use the rows before this point, cut the file there and close the array with "]".',
  });
}

function changed(path: string, offset?: number): WinnowError {
  return new WinnowError({
    code: 'DATASET_CHANGED',
    message: 'The file was changed while it was open.',
    where: offset === undefined ? { file: path } : { file: path, offset },
    hint: 'Run the command again: the file will be read anew.',
  });
}
