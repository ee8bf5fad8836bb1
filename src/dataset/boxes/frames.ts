import type { BoxFrame, ResizeLimits } from '../../families/boxes.ts';
import { resizedSize } from '../media/smart-resize.ts';
import type { Box } from './boxes.ts';

export interface Size {
  width: number;
  height: number;
}

const xs = (box: Box): number[] => box.filter((_, index) => index % 2 === 0);
const ys = (box: Box): number[] => box.filter((_, index) => index % 2 === 1);

export function fits(box: Box, { width, height }: Size): boolean {
  return xs(box).every((x) => x >= 0 && x <= width) && ys(box).every((y) => y >= 0 && y <= height);
}

/** A box of the stored image in the frame of the shown one; of four numbers the smaller corner stays first. */
export function rotated(box: Box, { width: w, height: h, orientation }: Size & { orientation: number }): number[] {
  const corner = (x: number, y: number): [number, number] => {
    switch (orientation) {
      case 2:
        return [w - x, y];
      case 3:
        return [w - x, h - y];
      case 4:
        return [x, h - y];
      case 5:
        return [y, x];
      case 6:
        return [h - y, x];
      case 7:
        return [h - y, w - x];
      case 8:
        return [y, w - x];
      default:
        return [x, y];
    }
  };
  const corners = xs(box).map((x, index) => corner(x, box[2 * index + 1]!));
  if (corners.length !== 2) return corners.flat();
  const [[ax, ay], [bx, by]] = corners as [[number, number], [number, number]];
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

/** The size of an image as the model sees it: its trainer's own limit first, then the model's resize. */
export function sizeForModel(shown: Size, resize: ResizeLimits | undefined, trainerPixels?: number): Size {
  const pixels = shown.width * shown.height;
  const scale = trainerPixels === undefined || pixels <= trainerPixels ? 1 : Math.sqrt(trainerPixels / pixels);
  const shrunk =
    scale === 1 ? shown : { width: Math.trunc(shown.width * scale), height: Math.trunc(shown.height * scale) };
  return resize === undefined ? shrunk : resizedSize(shrunk, resize);
}

/** A box in another frame; whole numbers but for fractions, which keep four decimals. */
export function converted(box: Box, from: BoxFrame, to: BoxFrame, shown: Size, resized: Size): number[] {
  return between(box, spanOf(from, shown, resized), spanOf(to, shown, resized), to === 'unit');
}

/** A box of one image on another of the same content: resized, or padded at its right and below (`grow`). */
export function moved(box: Box, frame: BoxFrame, from: Size, to: Size, how: 'resize' | 'grow'): number[] {
  const isRelative = frame === 'unit' || frame === 'thousand';
  if (how === 'resize' ? isRelative : !isRelative) return [...box];
  return how === 'resize' ? between(box, from, to, false) : between(box, to, from, frame === 'unit');
}

function spanOf(frame: BoxFrame, shown: Size, resized: Size): Size {
  if (frame === 'unit') return { width: 1, height: 1 };
  if (frame === 'thousand') return { width: 1000, height: 1000 };
  return frame === 'pixels' ? shown : resized;
}

function between(box: Box, from: Size, to: Size, isFraction: boolean): number[] {
  return box.map((value, index) => {
    const side = index % 2 === 0 ? 'width' : 'height';
    const scaled = (value / from[side]) * to[side];
    return isFraction ? Number(scaled.toFixed(4)) : Math.round(scaled);
  });
}
