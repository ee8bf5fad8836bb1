import type { StoredSize } from '../media/media-size.ts';
import type { Box, Frame } from './boxes.ts';

export function fits([x1, y1, x2, y2]: Box, { width, height }: { width: number; height: number }): boolean {
  return x1 >= 0 && y1 >= 0 && x2 <= width && y2 <= height;
}

/** A box of the stored image in the frame of the shown one. */
export function rotated([x1, y1, x2, y2]: Box, { width: w, height: h, orientation }: StoredSize): Box {
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
  const [ax, ay] = corner(x1, y1);
  const [bx, by] = corner(x2, y2);
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

/** A box in another frame; whole numbers but for fractions. */
export function converted(
  box: Box,
  from: Frame,
  to: Frame,
  shown: { width: number; height: number },
  resized: { width: number; height: number },
): Box {
  const span = (frame: Frame, side: 'width' | 'height'): number =>
    frame === 'unit' ? 1 : frame === 'thousand' ? 1000 : frame === 'pixels' ? shown[side] : resized[side];
  const along = (value: number, side: 'width' | 'height'): number => {
    const moved = (value / span(from, side)) * span(to, side);
    return to === 'unit' ? Number(moved.toFixed(4)) : Math.round(moved);
  };
  return [along(box[0], 'width'), along(box[1], 'height'), along(box[2], 'width'), along(box[3], 'height')];
}
