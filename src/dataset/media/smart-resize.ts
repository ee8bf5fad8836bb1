import type { ResizeLimits } from '../../families/boxes.ts';
import { roundHalfEven } from '../../numeric/round.ts';

/**
 * Size after Qwen's `smart_resize`: multiples of the factor F with an area between min and max. Source: transformers
 * `image_processing_qwen2_vl.smart_resize`, and `image_processing_glm4v`, which brings each side to F first.
 */
export function resizedSize(
  { width: w, height: h }: { width: number; height: number },
  { factor: F, minPixels, maxPixels, enlargesSides }: ResizeLimits,
): { width: number; height: number } {
  if (enlargesSides === true && Math.min(w, h) < F) {
    const scale = Math.max(F / h, F / w);
    [h, w] = [Math.trunc(h * scale), Math.trunc(w * scale)];
  }
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
