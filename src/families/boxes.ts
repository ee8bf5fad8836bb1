/**
 * What coordinates count: fractions of the image, thousandths of it, its pixels, or pixels of the image as the model
 * sees it, after its resize.
 */
export type BoxFrame = 'unit' | 'thousand' | 'pixels' | 'resized-pixels';

export const BOX_FRAMES = ['unit', 'thousand', 'pixels', 'resized-pixels'] as const satisfies BoxFrame[];

/** How a family brings an image to a size: both sides multiples of the factor, the area within limits in pixels. */
export interface ResizeLimits {
  /** F: patch times merge. */
  factor: number;
  minPixels: number;
  maxPixels: number;
}

/** How a family writes places in its answers. */
export interface BoxStyle {
  frame: BoxFrame;
  resize?: ResizeLimits;
  /** What stands around a box, its corners as `x, y`; absent: `[x1, y1, x2, y2]`. */
  box?: (numbers: readonly number[]) => string;
  /** What stands around the name of a thing that was found. @default the name alone */
  reference?: (name: string) => string;
}

const QWEN2_RESIZE: ResizeLimits = { factor: 28, minPixels: 3136, maxPixels: 12_845_056 };

const pairs = (numbers: readonly number[]): string =>
  Array.from({ length: numbers.length / 2 }, (_, i) => `(${numbers[2 * i]},${numbers[2 * i + 1]})`).join(',');

/** Families that were taught to write boxes. Sources: their reports, model cards and cookbooks. */
export const BOX_STYLES: Readonly<Record<string, BoxStyle>> = {
  'qwen3-vl': { frame: 'thousand', resize: { factor: 32, minPixels: 65_536, maxPixels: 16_777_216 } },
  'qwen2.5-vl': { frame: 'resized-pixels', resize: QWEN2_RESIZE },
  'qwen2-vl': {
    frame: 'thousand',
    resize: QWEN2_RESIZE,
    box: (numbers) => `<|box_start|>${pairs(numbers)}<|box_end|>`,
    reference: (name) => `<|object_ref_start|>${name}<|object_ref_end|>`,
  },
  internvl: {
    frame: 'thousand',
    box: (numbers) => `<box>[[${numbers.join(', ')}]]</box>`,
    reference: (name) => `<ref>${name}</ref>`,
  },
};

/**
 * LLaMA-Factory shrinks images to so many pixels before the model's own resize, unless `image_max_pixels` says else.
 */
export const LLAMA_FACTORY_PIXELS = 768 * 768;
