/** A small picture: `side` x `side` cells of 1 (grey) or 3 (RGB) numbers of 8 bits, row by row. */
export interface Picture {
  side: number;
  channels: 1 | 3;
  data: Uint8Array;
}

/** Shares cut off a picture: left, top, right, bottom. */
export type Window = readonly [number, number, number, number];
export const WHOLE: Window = [0, 0, 0, 0];

/** What remains between two pictures, in grey levels: root mean square, and the largest difference of one cell. */
export interface Misfit {
  rms: number;
  cell: number;
}

/** Beyond these a cell is taken as clipped. */
const DARKEST = 6;
const LIGHTEST = 249;
/** A change of light is at most a doubling or halving: more would make anything fit a dull picture. */
const MOST_GAIN = 2;

/** What remains between `part` and the window of `whole` after the best gain and offset of light (least squares). */
export function misfit(whole: Picture, part: Picture, window: Window): Misfit {
  const sampled = sampleWindow(whole, window);
  const { data } = part;
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const x = sampled[i]!;
    const y = data[i]!;
    // What was cut off at black or white says nothing of the light.
    if (y < DARKEST || y > LIGHTEST) continue;
    n++;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  const variance = n === 0 ? 0 : sxx - (sx * sx) / n;
  const best = variance <= 0 ? 1 : (sxy - (sx * sy) / n) / variance;
  const gain = Math.min(MOST_GAIN, Math.max(1 / MOST_GAIN, best));
  const offset = n === 0 ? 0 : (sy - gain * sx) / n;
  let [squares, cell] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const rest = Math.abs(data[i]! - Math.min(255, Math.max(0, gain * sampled[i]! + offset)));
    squares += rest * rest;
    if (rest > cell) cell = rest;
  }
  // Judged on the scale of the picture with more contrast, so that fading one doesn't hide a difference.
  const scale = Math.max(1, 1 / gain);
  return { rms: Math.sqrt(squares / data.length) * scale, cell: cell * scale };
}

/** Steps in which a window's edges are moved, as shares of the side, and how far they may go. */
const STEPS = [0.05, 0.025, 0.0125];
const MOST_CROP = 0.16;
/** Pictures of which one is a crop of the other differ by less before they are aligned, and after the first steps. */
const HOPELESS = 40;
const HOPELESS_ROUGHLY = 25;

/**
 * Descends from the whole picture, one edge at a time, to the window of `whole` that `part` fits best. Undefined where
 * that doesn't lead near: most pairs of one scene type end after the first steps.
 */
export function bestWindow(whole: Picture, part: Picture): Window | undefined {
  if (misfit(whole, part, WHOLE).rms > HOPELESS) return undefined;
  return descend(whole, part, WHOLE, STEPS);
}

/** The same from a window that smaller pictures suggested, in the finer steps. */
export function finerWindow(whole: Picture, part: Picture, window: Window): Window | undefined {
  return descend(whole, part, window, STEPS.slice(1));
}

function descend(whole: Picture, part: Picture, from: Window, steps: readonly number[]): Window | undefined {
  let window = from;
  let best = misfit(whole, part, window).rms;
  for (const step of steps) {
    for (let improved = true; improved; ) {
      improved = false;
      for (let move = 0; move < 8; move++) {
        const edge = move >> 1;
        const value = window[edge]! + (move % 2 === 0 ? step : -step);
        if (value < 0 || value > MOST_CROP) continue;
        const tried = window.map((share, i) => (i === edge ? value : share)) as unknown as Window;
        const { rms } = misfit(whole, part, tried);
        if (rms >= best) continue;
        [window, best, improved] = [tried, rms, true];
      }
      if (best > HOPELESS_ROUGHLY) return undefined;
    }
  }
  return window;
}

const buffer = new Float32Array(64 * 64 * 3);

/** The window of a picture enlarged to all cells, bilinear. */
function sampleWindow({ side, channels, data }: Picture, window: Window): ArrayLike<number> {
  if (window === WHOLE) return data;
  const [left, top, right, bottom] = window;
  const down = side * channels;
  for (let y = 0; y < side; y++) {
    const fy = place(y, side, top, bottom);
    const y0 = Math.min(side - 2, Math.floor(fy));
    const wy = fy - y0;
    for (let x = 0; x < side; x++) {
      const fx = place(x, side, left, right);
      const x0 = Math.min(side - 2, Math.floor(fx));
      const wx = fx - x0;
      const at = (y0 * side + x0) * channels;
      for (let c = 0; c < channels; c++) {
        const upper = data[at + c]! * (1 - wx) + data[at + channels + c]! * wx;
        const lower = data[at + down + c]! * (1 - wx) + data[at + down + channels + c]! * wx;
        buffer[(y * side + x) * channels + c] = upper * (1 - wy) + lower * wy;
      }
    }
  }
  return buffer;
}

/** Where the middle of cell i of a window lies among the cells of the whole. */
function place(i: number, side: number, before: number, after: number): number {
  const at = (before + ((i + 0.5) / side) * (1 - before - after)) * side - 0.5;
  return Math.min(side - 1, Math.max(0, at));
}
