import { WinnowError } from '../../base/errors.ts';
import { BOX_FAMILIES, boxStyleOf } from '../../families/box-styles.ts';
import { BOX_FRAMES, type BoxFrame, type BoxStyle } from '../../families/boxes.ts';
import { familyNamed } from '../../families/families.ts';
import { otherColumns } from '../formats/build.ts';
import type { Message, Part, Sample } from '../sample.ts';
import { withFrame } from './boxes.ts';
import { converted, type Size, sizeForModel } from './frames.ts';
import { countTag, type ObjectPlace, objectsOf } from './objects.ts';

const TAGS = /(<bbox>|<ref-object>)/;

/** How boxes are to be written: in the style of a family, or plainly in a frame. Throws `OPTION_INVALID`. */
export function boxStyle(given: unknown): BoxStyle | undefined {
  if (given === undefined) return undefined;
  const frame = BOX_FRAMES.find((name) => name === given && name !== 'resized-pixels');
  const family = familyNamed(String(given).toLowerCase());
  const style = frame !== undefined ? { frame } : family && boxStyleOf(family);
  if (style !== undefined) return style;
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: `--option boxes=${String(given)} is neither a model family nor a frame of boxes.`,
    hint: `Use one of ${[...BOX_FAMILIES, 'unit', 'thousand', 'pixels'].join(', ')}.`,
    exitCode: 2,
  });
}

/** Whether the texts have placeholders that only a trainer which reads `objects` fills in. */
export function hasObjectTags(sample: Sample): boolean {
  return objectsOf(sample.meta) !== undefined && countTag(sample, '<bbox>') + countTag(sample, '<ref-object>') > 0;
}

/**
 * The sample with its places and names written where `<bbox>` and `<ref-object>` stand, and without the column
 * `objects`; `sizeOf` gives the size of an image as it is shown. A string says why that can't be done, and is the loss.
 */
export async function fillBoxes(
  sample: Sample,
  style: BoxStyle & { trainerPixels?: number },
  sizeOf: (path: string) => Promise<Size | undefined>,
): Promise<Sample | string> {
  const objects = objectsOf(sample.meta)!;
  const { references, places } = objects;
  if (objects.unknownType !== undefined) return `boxes of the unknown type "${objects.unknownType}"`;
  if (countTag(sample, '<bbox>') !== places.length) return 'as many <bbox> as boxes';
  if (countTag(sample, '<ref-object>') > references.length) return 'a name for every <ref-object>';
  const texts: string[] = [];
  for (const place of places) {
    const text = await written(place, sample, style, sizeOf);
    if (text === undefined) return 'boxes of an image whose size is not known';
    texts.push(text);
  }
  const next = { box: 0, reference: 0 };
  const name = style.reference ?? ((text: string) => text);
  const filled = (part: Part): Part => {
    if (part.type !== 'text') return part;
    const pieces = part.text.split(TAGS).map((piece) => {
      if (piece === '<bbox>') return texts[next.box++]!;
      return piece === '<ref-object>' ? name(references[next.reference++]!) : piece;
    });
    return { type: 'text', text: pieces.join('') };
  };
  const messages = sample.messages.map((message): Message => ({ ...message, parts: message.parts.map(filled) }));
  return withFrame({ ...sample, messages, meta: otherColumns(sample.meta, ['objects']) }, style.frame);
}

async function written(
  { boxes, frame, image }: ObjectPlace,
  { media }: Sample,
  style: BoxStyle & { trainerPixels?: number },
  sizeOf: (path: string) => Promise<Size | undefined>,
): Promise<string | undefined> {
  const path = media.images[image]?.path;
  if (frame === undefined || path === undefined || boxes.length === 0) return undefined;
  const needsSize = (name: BoxFrame): boolean => name === 'pixels' || name === 'resized-pixels';
  const isSized = frame !== style.frame && (needsSize(frame) || needsSize(style.frame));
  const shown = isSized ? await sizeOf(path) : { width: 1, height: 1 };
  if (shown === undefined) return undefined;
  const resized = sizeForModel(shown, style.resize, style.trainerPixels);
  const write = style.box ?? ((numbers: readonly number[]) => `[${numbers.join(', ')}]`);
  return boxes.map((box) => write(converted(box, frame, style.frame, shown, resized))).join(', ');
}
