import type { Box, Frame } from './boxes.ts';
import type { Target } from './target.ts';

/** An image's size as stored, and its EXIF orientation (1 to 8). */
export interface StoredSize {
  width: number;
  height: number;
  orientation: number;
}

/** Width and height as shown: after the EXIF rotation. */
export function shownSize({ width, height, orientation }: StoredSize): { width: number; height: number } {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

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

/**
 * Height and width after Qwen's `smart_resize`: multiples of the factor F with an area between min and max.
 * Source: transformers `image_processing_qwen2_vl.smart_resize`.
 */
export function resizedSize(
  { width: w, height: h }: { width: number; height: number },
  { factor: F, minPixels, maxPixels }: NonNullable<Target['resize']>,
): { width: number; height: number } {
  let hb = roundHalfEven(h / F) * F;
  let wb = roundHalfEven(w / F) * F;
  if (hb * wb > maxPixels) {
    const b = Math.sqrt((h * w) / maxPixels);
    hb = Math.max(F, Math.floor(h / b / F) * F);
    wb = Math.max(F, Math.floor(w / b / F) * F);
  } else if (hb * wb < minPixels) {
    const b = Math.sqrt(minPixels / (h * w));
    hb = Math.ceil((h * b) / F) * F;
    wb = Math.ceil((w * b) / F) * F;
  }
  return { width: wb, height: hb };
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
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
