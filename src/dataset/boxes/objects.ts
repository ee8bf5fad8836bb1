import { isDeepStrictEqual } from 'node:util';
import type { BoxFrame } from '../../families/boxes.ts';
import { exactJson, isNumber, parseExact, plainNumbers } from '../exact-number.ts';
import { isObject, type JsonObject } from '../formats/build.ts';
import type { Sample } from '../sample.ts';

/** Places in ms-swift's column `objects`, which its trainer writes where `<bbox>` and `<ref-object>` stand. */

/** The places that one `<bbox>` stands for (one, but for lists of ms-swift 2). */
export interface ObjectPlace {
  /** Each of pairs x, y: a point, a box, a polygon. */
  boxes: readonly (readonly number[])[];
  /** Absent for a type of numbers that ms-swift doesn't know. */
  frame?: BoxFrame;
  /** Which of the row's images. */
  image: number;
}

export interface Objects {
  /** Names for `<ref-object>`, in order. */
  references: string[];
  /** Places for `<bbox>`, in order. */
  places: ObjectPlace[];
  /** A type of numbers that ms-swift doesn't know. */
  unknownType?: string;
}

/** ms-swift 3: pixels of the image unless it says fractions. ms-swift 2 also knows thousandths. */
const TYPES_3 = new Map<unknown, BoxFrame>(Object.entries({ real: 'pixels', norm1: 'unit' }));
const TYPES_2 = new Map<unknown, BoxFrame>(Object.entries({ real: 'pixels', norm_1: 'unit', norm_1000: 'thousand' }));
/** Columns by which an `objects` of detection data is known, whose boxes are counted otherwise. */
const FOREIGN = ['category', 'category_id', 'categories', 'label', 'labels', 'area'];

const isPlace = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length >= 2 && value.length % 2 === 0 && value.every(isNumber);
const plain = (box: unknown): number[] => plainNumbers(box) as number[];
const placesIn = (bbox: unknown): number[][] =>
  isPlace(bbox) ? [plain(bbox)] : Array.isArray(bbox) ? bbox.filter(isPlace).map(plain) : [];

/**
 * The objects of a row; undefined where it has none. Two forms: `{ref, bbox, bbox_type, image_id}` of ms-swift 3, and a
 * list of `{caption, bbox, bbox_type, image}` of ms-swift 2; either may be written as a string of JSON.
 * Source: modelscope/ms-swift `docs/Customization/Custom-dataset`, `swift/llm/template/template_inputs.py`.
 */
export function objectsOf(meta: Sample['meta']): Objects | undefined {
  const given = parsed(meta.objects);
  if (Array.isArray(given)) return listed(given);
  if (!isObject(given) || !Array.isArray(given.bbox)) return undefined;
  const { bbox, ref, bbox_type: type, image_id: ids } = given;
  if (ref === undefined && type === undefined && FOREIGN.some((column) => Object.hasOwn(given, column)))
    return undefined;
  const frame = TYPES_3.get(type ?? 'real');
  return {
    references: Array.isArray(ref) ? ref.map(String) : [],
    places: bbox.map((box: unknown, index) => ({
      boxes: isPlace(box) ? [plain(box)] : [],
      frame,
      image: imageNumber(Array.isArray(ids) ? ids[index] : ids),
    })),
    unknownType: frame === undefined ? String(type) : undefined,
  };
}

function listed(given: readonly unknown[]): Objects | undefined {
  const items = given.filter(
    (item): item is JsonObject => isObject(item) && 'bbox' in item && ('caption' in item || 'bbox_type' in item),
  );
  if (items.length === 0 || items.length < given.length) return undefined;
  const typeOf = (item: JsonObject): unknown => item.bbox_type ?? 'real';
  const unknown = items.map(typeOf).find((type) => !TYPES_2.has(type));
  return {
    references: items.map((item) => String(item.caption ?? '')),
    places: items.map((item) => ({
      boxes: placesIn(item.bbox),
      frame: TYPES_2.get(typeOf(item)),
      image: imageNumber(item.image),
    })),
    unknownType: unknown === undefined ? undefined : String(unknown),
  };
}

const imageNumber = (value: unknown): number => (isNumber(value) ? Number(value) : 0);

/** The column with other numbers: `change` gives those of a place, or undefined for the same. */
export function changeObjects(
  meta: Sample['meta'],
  change: (box: readonly number[], place: ObjectPlace) => readonly number[] | undefined,
): Sample['meta'] {
  const objects = objectsOf(meta);
  if (objects === undefined) return meta;
  const given = parsed(meta.objects) as JsonObject | JsonObject[];
  let isChanged = false;
  const renumber = (bbox: unknown, place: ObjectPlace): unknown => {
    if (!isPlace(bbox))
      return Array.isArray(bbox) ? bbox.map((box) => (isPlace(box) ? renumber(box, place) : box)) : bbox;
    const was = plain(bbox);
    const is = change(was, place);
    if (is === undefined || isDeepStrictEqual(is, was)) return bbox;
    isChanged = true;
    return is;
  };
  const after = Array.isArray(given)
    ? given.map((item, index) => ({ ...item, bbox: renumber(item.bbox, objects.places[index]!) }))
    : { ...given, bbox: (given.bbox as unknown[]).map((box, index) => renumber(box, objects.places[index]!)) };
  if (!isChanged) return meta;
  return { ...meta, objects: typeof meta.objects === 'string' ? exactJson(after) : after };
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseExact(value);
  } catch {
    return value;
  }
}

/** Placeholders of a kind in the texts of a sample. */
export function countTag(sample: Sample, tag: '<bbox>' | '<ref-object>'): number {
  let n = 0;
  for (const { parts } of sample.messages)
    for (const part of parts) {
      if (part.type !== 'text') continue;
      for (let at = part.text.indexOf(tag); at >= 0; at = part.text.indexOf(tag, at + tag.length)) n++;
    }
  return n;
}
