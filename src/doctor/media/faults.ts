import { FAMILIES, rulesOf } from '../../families/families.ts';
import type { Target } from '../target.ts';
import type { ImageFacts } from './inspect-image.ts';
import type { VideoFacts } from './video-facts.ts';

/** What is wrong with one medium, by the code of the check that says so. */
export interface Fault {
  code: string;
  detail: string;
  /** False where the check's fix doesn't fit. */
  fixable?: boolean;
  /** What the fix does, where the check has several. */
  remedy?: 'rename' | 're-encode' | 'pad' | 'drop';
}

/** Where Pillow refuses an image as a decompression bomb: twice its `MAX_IMAGE_PIXELS`. */
const BOMB_PIXELS = 178_956_970;
const RESIZED = FAMILIES.flatMap((family) => rulesOf(family, 'resized'));
/** Qwen's preprocessors refuse a longer strip; without a target it is assumed that one of them may be meant. */
export const MOST_ASPECT = Math.min(...RESIZED.map(({ maxAspect }) => maxAspect));
/** Below the side of one image token an image is padded or blown up by every stack. */
const LEAST_SIDE = Math.min(...RESIZED.map(({ factor }) => factor));
/** No family that is known asks for more. */
export const SAFE_SIDE = Math.max(...RESIZED.map(({ factor }) => factor));
const MOST_UPSCALING = 4;

/**
 * Faults of one image that don't depend on the others: D102 to D108.
 * @param keepDamaged of an image that is cut or damaged, what decodes is kept; else its rows are left out
 */
export function imageFaults(facts: ImageFacts, target: Target | undefined, keepDamaged = false): Fault[] {
  if (facts.unreadable !== undefined) return [{ code: 'D102', detail: facts.unreadable }];
  const faults: Fault[] = [];
  if (facts.broken !== undefined) faults.push(brokenFault(facts, keepDamaged));
  if (facts.tooLarge !== undefined) faults.push({ code: 'D106', detail: facts.tooLarge, remedy: 'drop' });
  if (facts.header !== undefined) {
    const { orientation, modes } = facts.header;
    if (orientation !== 1) faults.push({ code: 'D104', detail: `EXIF orientation ${orientation}` });
    if (modes.length > 0) faults.push({ code: 'D105', detail: modes.join(', ') });
    faults.push(...sizeFaults(facts, target));
  }
  if (facts.flat === true) faults.push({ code: 'D108', detail: 'one colour all over' });
  return faults;
}

function brokenFault({ broken, rename, header }: ImageFacts, keepDamaged: boolean): Fault {
  const detail = broken!;
  if (rename !== undefined) return { code: 'D103', detail, remedy: 'rename' };
  // With a header there are pixels: what was decoded of them can be kept, if somebody wants half a picture.
  return { code: 'D103', detail, remedy: header !== undefined && keepDamaged ? 're-encode' : 'drop' };
}

function sizeFaults({ header, tooLarge }: ImageFacts, target: Target | undefined): Fault[] {
  const { width, height } = header!;
  const size = `${width} x ${height}`;
  const faults: Fault[] = [];
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  if (width * height > BOMB_PIXELS && tooLarge === undefined) {
    const detail = `${size} is more than the ${BOMB_PIXELS} pixels that Pillow opens`;
    faults.push({ code: 'D106', detail, remedy: 'drop' });
  }
  const mostAspect = target === undefined ? MOST_ASPECT : (target.maxAspect ?? Number.POSITIVE_INFINITY);
  if (long / short > mostAspect) {
    const who = target === undefined ? 'Qwen refuses' : `${target.title} refuses`;
    faults.push({ code: 'D106', detail: `${size}: ${who} a ratio of more than ${mostAspect}`, remedy: 'pad' });
  }
  if (target?.minSide !== undefined && short < target.minSide) {
    const detail = `${size}: older stacks of ${target.title} refuse a side below ${target.minSide}`;
    faults.push({ code: 'D106', detail, remedy: 'pad' });
  }
  if (short < LEAST_SIDE) faults.push({ code: 'D107', detail: `${size}: a side below ${LEAST_SIDE} pixels` });
  if (target?.tiledTo !== undefined && target.tiledTo / long > MOST_UPSCALING) {
    const times = (target.tiledTo / long).toFixed(1);
    faults.push({ code: 'D107', detail: `${size}: ${target.title} enlarges it ${times} times` });
  }
  return faults;
}

/** Faults of one video: D102 and D109. */
export function videoFaults({ missing, unreadable, frames }: VideoFacts, target: Target | undefined): Fault[] {
  if (missing !== undefined) return [{ code: 'D102', detail: missing }];
  if (unreadable !== undefined) return [{ code: 'D109', detail: unreadable }];
  if (frames === undefined) return [];
  const least = target?.temporalPatch ?? 1;
  if (frames >= least) return [];
  const wanted = target === undefined ? '' : `; ${target.title} takes ${least} at a time`;
  return [{ code: 'D109', detail: `${frames} frame${frames === 1 ? '' : 's'}${frames === 0 ? '' : wanted}` }];
}
