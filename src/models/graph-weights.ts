import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WinnowError } from '../base/errors.ts';

/** Where a tensor of a graph lies in a file beside it. */
interface External {
  tensor: string;
  location: string;
  end: number;
}

/** Tensors that are named in a message. */
const NAMED = 3;

/**
 * Checks that a graph is whole and that every weight it keeps in a file beside it is there: ONNX Runtime ends the
 * process over some of these faults, and says no name in others.
 *
 * @throws WinnowError `MODEL_INCOMPLETE` (a file of weights that is missing or cut), `MODEL_BROKEN` (no graph, or a cut
 * one)
 */
export function checkGraph(path: string): void {
  const file = openSync(path, 'r');
  try {
    const tensors = externalTensors(file);
    if (tensors === undefined) throw broken(path);
    for (const location of new Set(tensors.map((tensor) => tensor.location))) {
      const beside = join(dirname(path), location);
      const bytes = statSync(beside, { throwIfNoEntry: false })?.size;
      const lost = tensors.filter((one) => one.location === location && (bytes === undefined || one.end > bytes));
      if (lost.length > 0) throw incomplete(path, beside, bytes, lost);
    }
  } finally {
    closeSync(file);
  }
}

function incomplete(path: string, beside: string, bytes: number | undefined, lost: External[]): WinnowError {
  const names = lost.slice(0, NAMED).map(({ tensor }) => tensor);
  const more = lost.length > NAMED ? ` and ${lost.length - NAMED} more` : '';
  const state = bytes === undefined ? 'is missing' : `ends at byte ${bytes}`;
  return new WinnowError({
    code: 'MODEL_INCOMPLETE',
    message: `The file of weights ${beside} ${state}, and ${path} reads ${names.join(', ')}${more} from it.`,
    where: { file: beside },
    hint: 'Download the model again, or export it again: python -m winnow_worker.export FOLDER OUT.',
    exitCode: 2,
  });
}

function broken(path: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_BROKEN',
    message: `${path} is no whole ONNX graph: it is empty, cut, or something else.`,
    where: { file: path },
    hint: 'Download the model again, or export it again: python -m winnow_worker.export FOLDER OUT.',
    exitCode: 2,
  });
}

/** A field of a protobuf message: its number, and the bytes from `start` to `end` where it has a length. */
interface Field {
  number: number;
  start: number;
  end: number;
}

/**
 * Tensors of an ONNX file (and of graphs inside of its nodes) whose data lie elsewhere; undefined where it is no whole
 * graph.
 */
function externalTensors(file: number): External[] | undefined {
  try {
    const graphs = fields(file, 0, fstatSync(file).size).filter(({ number }) => number === 7);
    if (graphs.length === 0) return undefined;
    return graphs.flatMap((graph) => ofGraph(file, graph));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function ofGraph(file: number, graph: Field): External[] {
  const found: External[] = [];
  for (const field of fields(file, graph.start, graph.end)) {
    if (field.number === 5) found.push(...ofTensor(file, field));
    if (field.number !== 1) continue;
    for (const attribute of fields(file, field.start, field.end)) {
      if (attribute.number !== 5) continue;
      for (const value of fields(file, attribute.start, attribute.end)) {
        if (value.number === 6) found.push(...ofGraph(file, value));
      }
    }
  }
  return found;
}

/** The `external_data` entries of a tensor: location, offset and length. */
function ofTensor(file: number, tensor: Field): External[] {
  const entries = new Map<string, string>();
  let name = '';
  for (const field of fields(file, tensor.start, tensor.end)) {
    if (field.number === 8) name = textOf(file, field);
    if (field.number !== 13) continue;
    const [key, value] = fields(file, field.start, field.end);
    if (key !== undefined && value !== undefined) entries.set(textOf(file, key), textOf(file, value));
  }
  const location = entries.get('location');
  if (location === undefined) return [];
  return [{ tensor: name, location, end: Number(entries.get('offset') ?? 0) + Number(entries.get('length') ?? 0) }];
}

function textOf(file: number, { start, end }: Field): string {
  const bytes = Buffer.alloc(end - start);
  readSync(file, bytes, 0, bytes.length, start);
  return bytes.toString('utf8');
}

/**
 * The fields of a message between two places. Only tags and lengths are read; weights are stepped over. @throws
 * RangeError
 */
function fields(file: number, from: number, to: number): Field[] {
  const found: Field[] = [];
  for (let at = from; at < to; ) {
    const head = Buffer.alloc(Math.min(20, to - at));
    readSync(file, head, 0, head.length, at);
    const tag = varint(head, 0);
    const wire = tag.value % 8;
    let start = at + tag.next;
    let end = start;
    if (wire === 0) end = at + varint(head, tag.next).next;
    else if (wire === 1) end += 8;
    else if (wire === 5) end += 4;
    else if (wire === 2) {
      const length = varint(head, tag.next);
      start = at + length.next;
      end = start + length.value;
    } else throw new RangeError('no protobuf');
    if (end > to) throw new RangeError('cut');
    found.push({ number: Math.floor(tag.value / 8), start, end });
    at = end;
  }
  return found;
}

function varint(bytes: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  for (let i = from; i < bytes.length; i++) {
    value += (bytes[i]! & 0x7f) * 2 ** (7 * (i - from));
    if (bytes[i]! < 0x80) return { value, next: i + 1 };
  }
  throw new RangeError('cut');
}
