import { resizedSize } from '../../dataset/media/smart-resize.ts';
import type { ResizeLimits } from '../../families/boxes.ts';
import type { ImageTokenCount, Size } from './count.ts';

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
