import { isDeepStrictEqual } from 'node:util';
import { BOX_FRAMES, type BoxFrame } from '../../families/boxes.ts';
import type { Message, Part, Sample } from '../sample.ts';
import { changeObjects } from './objects.ts';

/** Boxes in texts and in ms-swift's `objects`, found and rewritten. */

/** Pairs of x and y: the corners x1, y1, x2, y2 of a box, a point, a polygon. */
export type Box = readonly number[];

export interface FoundBox {
  box: Box;
  /** What the notation or the row itself says; absent: whole numbers that may be pixels or thousandths. */
  frame?: BoxFrame;
  /** Which of the row's images; absent where there are several and nothing says so. */
  image?: number;
  /** Numbers of `objects` are brought to the model's frame by the trainer that reads them; those of texts by nobody. */
  where: 'text' | 'objects';
}

/** Column by which a row says in which frame the boxes of its texts are. */
const FRAME_COLUMN = 'box_frame';

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
  changeBoxes(sample, (box) => {
    found.push(box);
    return undefined;
  });
  return found;
}

/** The sample with every box that `change` gives another value. */
export function changeBoxes(sample: Sample, change: (found: FoundBox) => Box | undefined): Sample {
  if (sample.media.images.length === 0) return sample;
  const meta = changeObjects(sample.meta, (box, { frame, image }) => change({ box, frame, image, where: 'objects' }));
  return { ...sample, messages: changeTexts(sample, change), meta };
}

/** The row with a note of the frame that the boxes of its texts are in: a reader of it can't tell otherwise. */
export function withFrame(sample: Sample, frame: BoxFrame): Sample {
  return { ...sample, meta: { ...sample.meta, [FRAME_COLUMN]: frame } };
}

function changeTexts(sample: Sample, change: (found: FoundBox) => Box | undefined): Message[] {
  const texts = sample.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
  );
  const isHinted = texts.some((text) => OPENING.test(text)) && texts.some((text) => CUE.test(text));
  if (!isHinted) return sample.messages;
  const declared = declaredFrame(sample);
  const image = sample.media.images.length === 1 ? 0 : undefined;
  return sample.messages.map((message): Message => {
    const parts = message.parts.map((part): Part => {
      if (part.type !== 'text') return part;
      const isTagged = THOUSAND_TAGS.test(part.text);
      const rewrite = (match: string, ...groups: unknown[]): string => {
        const box = groups.slice(0, 4).map(Number);
        const frame = declared ?? (isTagged ? 'thousand' : isUnit(match, box) ? 'unit' : undefined);
        const changed = change({ box, frame, image, where: 'text' });
        return changed === undefined || isDeepStrictEqual(changed, box) ? match : renumber(match, changed);
      };
      let text = part.text.replace(BRACKETS, rewrite);
      if (isTagged) text = text.replace(PAIRS, rewrite);
      return text === part.text ? part : { type: 'text', text };
    });
    return { ...message, parts };
  });
}

function declaredFrame({ meta }: Sample): BoxFrame | undefined {
  return BOX_FRAMES.find((frame) => frame === meta[FRAME_COLUMN]);
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
