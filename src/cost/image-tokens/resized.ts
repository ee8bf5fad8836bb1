import { resizedSize } from '../../dataset/media/smart-resize.ts';
import type { RuleOf } from '../../families/record.ts';
import type { ImageTokenCount, Size } from './count.ts';

/**
 * Qwen2-VL, Qwen2.5-VL, Qwen3-VL, GLM-4.1V: one token for F x F pixels, between two markers. Sides that differ too much
 * are refused: NaN.
 */
export function qwenTokens(size: Size, rule: RuleOf<'resized'>): ImageTokenCount {
  if (Math.max(size.width, size.height) / Math.min(size.width, size.height) > rule.maxAspect) {
    return { features: Number.NaN, total: Number.NaN };
  }
  const { width, height } = resizedSize(size, rule);
  const features = (width / rule.factor) * (height / rule.factor);
  return { features, total: features + 2 };
}

/**
 * Pixtral, Mistral 3: an image above the longest edge shrinks to it, and each row of its tokens ends with one more.
 * Source: transformers `image_processing_pixtral`.
 */
export function pixtralTokens({ width, height }: Size, { longest, unit }: RuleOf<'rows'>): ImageTokenCount {
  const ratio = Math.max(width / longest, height / longest, 1);
  const [cols, rows] = [width, height].map((side) => Math.ceil(Math.floor(side / ratio) / unit)) as [number, number];
  return { features: rows * cols, total: rows * (cols + 1) };
}
