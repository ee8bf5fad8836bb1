import { bestWindow, finerWindow, type Misfit, misfit, type Picture, WHOLE, type Window } from './align.ts';

/** How one picture lies in another: `swapped` where the second is the larger. */
export interface Alignment {
  window: Window;
  swapped: boolean;
}

/**
 * What may remain at 16 x 16 cells. An object that came, went or changed its colour shows in one cell. Over 68
 * photographs re-encoded, resized and relit the worst have 10 and 35; a cut window is interpolated from few cells, so a
 * crop leaves more.
 */
const MOST_WHOLE: Misfit = { rms: 10, cell: 45 };
const MOST_CROPPED: Misfit = { rms: 14, cell: 80 };

/**
 * Ways in which two small pictures show the same: one is the other, or a part of the other with up to a sixth cut off
 * each edge, after one change of brightness and contrast. None: they don't.
 */
export function align(one: Picture, other: Picture): Alignment[] {
  const [a, b] = alike(one, other);
  const found: Alignment[] = [];
  const whole = misfit(a, b, WHOLE);
  if (isWithin(whole, MOST_WHOLE)) found.push({ window: WHOLE, swapped: false });
  if (found.length > 0 && whole.rms <= SURELY_WHOLE) return found;
  const [greyA, greyB] = [greyOf(a), greyOf(b)];
  for (const swapped of [false, true]) {
    const window = swapped ? bestWindow(greyB, greyA) : bestWindow(greyA, greyB);
    if (window === undefined || window === WHOLE) continue;
    const rest = swapped ? misfit(b, a, window) : misfit(a, b, window);
    if (isWithin(rest, MOST_CROPPED)) found.push({ window, swapped });
  }
  return found;
}

/** Below this a crop isn't looked for. */
const SURELY_WHOLE = 4;
/**
 * What may remain at `CLOSE_SIDE` cells a side: of photographs re-encoded, resized, relit or cropped by a tenth 95 of
 * 100 stay below 20 and 140; NLVR's pictures in which one block has another colour begin at 186.
 */
const MOST_CLOSE: Misfit = { rms: 20, cell: 150 };
/** Side of the pictures that are compared before two images are called the same. */
export const CLOSE_SIDE = 64;

/**
 * True where two larger pictures still agree in an alignment that small ones suggested, or close by: a slight crop
 * moves no small cell much.
 */
export function staysAligned(one: Picture, other: Picture, alignments: readonly Alignment[]): boolean {
  const [a, b] = alike(one, other);
  const holds = ({ window, swapped }: Alignment): boolean =>
    isWithin(swapped ? misfit(b, a, window) : misfit(a, b, window), MOST_CLOSE);
  if (alignments.some(holds)) return true;
  const [greyA, greyB] = [greyOf(a), greyOf(b)];
  return [false, true].some((swapped) => {
    const from = alignments.find((alignment) => alignment.window === WHOLE || alignment.swapped === swapped)?.window;
    if (from === undefined) return false;
    const window = swapped ? finerWindow(greyB, greyA, from) : finerWindow(greyA, greyB, from);
    return window !== undefined && holds({ window, swapped });
  });
}

function isWithin(got: Misfit, most: Misfit): boolean {
  return got.rms <= most.rms && got.cell <= most.cell;
}

/** Largest spread of a cell's channels in a picture without colour. */
const MOST_TINT = 6;

/** A grey copy of a coloured picture is compared by its light alone. */
function alike(a: Picture, b: Picture): [Picture, Picture] {
  return isGrey(a) === isGrey(b) ? [a, b] : [greyOf(a), greyOf(b)];
}

function isGrey({ data }: Picture): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > MOST_TINT) return false;
  }
  return true;
}

function greyOf({ side, channels, data }: Picture): Picture {
  if (channels === 1) return { side, channels, data };
  const grey = new Uint8Array(side * side);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!);
  }
  return { side, channels: 1, data: grey };
}
