/**
 * What coordinates count: fractions of the image, thousandths of it, its pixels, or pixels of the image as the model
 * sees it, after its resize.
 */
export type BoxFrame = (typeof BOX_FRAMES)[number];

export const BOX_FRAMES = ['unit', 'thousand', 'pixels', 'resized-pixels'] as const;

/** How a family brings an image to a size: both sides multiples of the factor, the area within limits in pixels. */
export interface ResizeLimits {
  /** F: patch times merge. */
  factor: number;
  minPixels: number;
  maxPixels: number;
  /** A side below the factor is brought to it first. */
  enlargesSides?: boolean;
}

/** How places are written in answers. */
export interface BoxStyle {
  frame: BoxFrame;
  resize?: ResizeLimits;
  /** What stands around a box, its corners as `x, y`; absent: `[x1, y1, x2, y2]`. */
  box?: (numbers: readonly number[]) => string;
  /** What stands around the name of a thing that was found. @default the name alone */
  reference?: (name: string) => string;
}

/**
 * LLaMA-Factory shrinks images to so many pixels before the model's own resize, unless `image_max_pixels` says else.
 */
export const LLAMA_FACTORY_PIXELS = 768 * 768;
