import { roundHalfEven } from '../../numeric/round.ts';
import type { ImageTokenCount, Size } from './count.ts';

/** Areas are in pixels, whatever a processor's configuration calls them. */
export interface ResizeLimits {
  /** F: patch times merge. Both sides become multiples of it. */
  factor: number;
  minPixels: number;
  maxPixels: number;
}

/**
 * Size after Qwen's `smart_resize`: multiples of the factor F with an area between min and max.
 * Source: transformers `image_processing_qwen2_vl.smart_resize`.
 */
export function resizedSize({ width: w, height: h }: Size, { factor: F, minPixels, maxPixels }: ResizeLimits): Size {
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

/**
 * Qwen2-VL, Qwen2.5-VL, Qwen3-VL: one token for F x F pixels, between two markers. Sides that differ more than 200
 * times are refused: NaN.
 */
export function qwenTokens(size: Size, limits: ResizeLimits): ImageTokenCount {
  if (Math.max(size.width, size.height) / Math.min(size.width, size.height) > 200) {
    return { features: Number.NaN, total: Number.NaN };
  }
  const { width, height } = resizedSize(size, limits);
  const features = (width / limits.factor) * (height / limits.factor);
  return { features, total: features + 2 };
}
