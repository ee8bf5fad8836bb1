import { isNumber, plainNumbers } from '../exact-number.ts';
import { isObject } from '../formats/build.ts';
import type { Message, Part, Sample } from '../sample.ts';

/** Boxes in texts and in ms-swift's `objects`, found and rewritten. Coordinates are x1, y1, x2, y2. */

export type Box = readonly [number, number, number, number];
/**
 * What coordinates count: fractions of the image, thousandths of it, its pixels, or pixels after the model's resize.
 */
export type Frame = 'unit' | 'thousand' | 'pixels' | 'resized-pixels';

export interface FoundBox {
  box: Box;
  /** What the notation or the row itself says; absent: whole numbers that may be pixels or thousandths. */
  frame?: Frame;
}

/** Column by which a row says in which frame its boxes are. */
const FRAME_COLUMN = 'box_frame';
const FRAMES: readonly string[] = ['unit', 'thousand', 'pixels', 'resized-pixels'] satisfies Frame[];

const N = '(-?\\d+(?:\\.\\d+)?)';
/** `[x1, y1, x2, y2]`, and Qwen's `(x1,y1),(x2,y2)`. */
const BRACKETS = new RegExp(`\\[\\s*${N}\\s*,\\s*${N}\\s*,\\s*${N}\\s*,\\s*${N}\\s*\\]`, 'g');
const PAIRS = new RegExp(`\\(\\s*${N}\\s*,\\s*${N}\\s*\\)\\s*,\\s*\\(\\s*${N}\\s*,\\s*${N}\\s*\\)`, 'g');
/** Notations of models that count thousandths. */
const THOUSAND_TAGS = /<box>|<\|box_start\|>/;
/** How every notation begins: quick to look for, and in few texts. */
const OPENING = /[[(]\s*-?\d/;
/** Four numbers in brackets are a box only where the dialogue speaks of boxes or places. */
const CUE =
  /bbox|\bbox(?:es)?\b|bounding|\bcoordinates?\b|\bregions?\b|\blocat|\bwhere\b|\bdetect|\bground(?:ed|ing)\b/i;

/** Every box of a sample in the order of its texts. Empty for a sample without images. */
export function boxesOf(sample: Sample): FoundBox[] {
  const found: FoundBox[] = [];
  eachBox(sample, (box) => {
    found.push(box);
    return undefined;
  });
  return found;
}

/**
 * The sample with every box that `change` gives another value; `frame` is noted in the row, where a reader of it can't
 * tell otherwise.
 */
export function changeBoxes(
  sample: Sample,
  frame: Frame | undefined,
  change: (found: FoundBox) => Box | undefined,
): Sample {
  const changed = eachBox(sample, change);
  return frame === undefined ? changed : { ...changed, meta: { ...changed.meta, [FRAME_COLUMN]: frame } };
}

function eachBox(sample: Sample, visit: (found: FoundBox) => Box | undefined): Sample {
  if (sample.media.images.length === 0) return sample;
  const declared = declaredFrame(sample);
  const texts = sample.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
  );
  const hinted = texts.some((text) => OPENING.test(text)) && texts.some((text) => CUE.test(text));
  const messages = !hinted
    ? sample.messages
    : sample.messages.map((message): Message => {
        const parts = message.parts.map((part): Part => {
          if (part.type !== 'text') return part;
          const tagged = THOUSAND_TAGS.test(part.text);
          const rewrite = (match: string, ...groups: unknown[]): string => {
            const box = groups.slice(0, 4).map(Number) as unknown as Box;
            const frame = declared ?? (tagged ? 'thousand' : isUnit(match, box) ? 'unit' : undefined);
            const is = visit(frame === undefined ? { box } : { box, frame });
            return is === undefined ? match : renumber(match, is);
          };
          let text = part.text.replace(BRACKETS, rewrite);
          if (tagged) text = text.replace(PAIRS, rewrite);
          return text === part.text ? part : { type: 'text', text };
        });
        return { ...message, parts };
      });
  return { ...sample, messages, meta: objectBoxes(sample.meta, declared, visit) };
}

/** ms-swift's `objects: {bbox: [[x1, y1, x2, y2], ...], bbox_type}`. */
function objectBoxes(
  meta: Sample['meta'],
  declared: Frame | undefined,
  visit: (found: FoundBox) => Box | undefined,
): Sample['meta'] {
  const { objects } = meta;
  if (!isObject(objects) || !Array.isArray(objects.bbox)) return meta;
  const frame =
    declared ?? (objects.bbox_type === 'norm1' ? 'unit' : objects.bbox_type === 'real' ? 'pixels' : undefined);
  const bbox = objects.bbox.map((box: unknown) =>
    isBox(box) ? (visit({ box: plainNumbers(box) as Box, frame }) ?? box) : box,
  );
  return { ...meta, objects: { ...objects, bbox } };
}

function declaredFrame({ meta }: Sample): Frame | undefined {
  const frame = meta[FRAME_COLUMN];
  return typeof frame === 'string' && FRAMES.includes(frame) ? (frame as Frame) : undefined;
}

function isBox(value: unknown): value is Box {
  return Array.isArray(value) && value.length === 4 && value.every(isNumber);
}

/** Fractions carry a decimal point and stay about 1; a pixel may be written with a point too. */
function isUnit(text: string, box: Box): boolean {
  return text.includes('.') && box.every((value) => Math.abs(value) <= 2);
}

/** The same notation with other numbers. */
function renumber(text: string, box: Box): string {
  let at = 0;
  return text.replace(new RegExp(N, 'g'), () => String(box[at++]));
}
