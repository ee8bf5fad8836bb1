import type { RuleOf } from '../../families/record.ts';
import type { ImageTokenCount, Size } from './count.ts';

/**
 * LLaVA-NeXT: the candidate that keeps most of the image's pixels, of equal ones that with the least waste; the padding
 * is cut off again, and each row of what is left ends with a token. Source: transformers `modeling_llava_next`
 * (`image_size_to_num_patches`, `unpad_image`).
 */
export function llavaNextTokens(
  { width: w, height: h }: Size,
  { size, patch, grids }: RuleOf<'anyres'>,
): ImageTokenCount {
  const side = size / patch;
  let best = { height: 0, width: 0, kept: -1, waste: Number.POSITIVE_INFINITY };
  for (const [ch, cw] of grids) {
    const s = Math.min(cw / w, ch / h);
    const kept = Math.min(Math.trunc(w * s) * Math.trunc(h * s), w * h);
    const waste = cw * ch - kept;
    if (kept > best.kept || (kept === best.kept && waste < best.waste)) best = { height: ch, width: cw, kept, waste };
  }
  let rows = (best.height / size) * side;
  let cols = (best.width / size) * side;
  // Rounded to 7 digits before it is cut, as there: what is whole but for its last bit stays whole.
  const cut = (length: number): number => Math.trunc(Number(length.toFixed(7)));
  if (w / h > cols / rows) rows -= 2 * Math.floor((rows - cut((h * cols) / w)) / 2);
  else cols -= 2 * Math.floor((cols - cut((w * rows) / h)) / 2);
  const features = rows * cols + rows + side * side;
  return { features, total: features };
}

/**
 * Molmo v1: overlapping crops in the grid that enlarges the image least, or, where none is large enough, reduces it
 * least; the whole picture besides. Source: allenai/Molmo `preprocessing_molmo.select_tiling`.
 */
export function molmoTokens(
  { width, height }: Size,
  { crops, size, patch, margins, pool }: RuleOf<'overlap'>,
): ImageTokenCount {
  const side = size / patch;
  const [left, right] = margins;
  const inner = side - left - right;
  const window = inner * patch;
  const margin = (left + right) * patch;
  const grids: { rows: number; cols: number; scale: number }[] = [];
  for (let rows = 1; rows <= crops; rows++) {
    for (let cols = 1; rows * cols <= crops; cols++) {
      const scale = Math.min((rows * window) / (height - margin), (cols * window) / (width - margin));
      grids.push({ rows, cols, scale });
    }
  }
  grids.sort((a, b) => a.rows * a.cols - b.rows * b.cols || a.rows - b.rows);
  const large = grids.filter(({ scale }) => scale >= 1);
  const least =
    large.length > 0 ? Math.min(...large.map(({ scale }) => scale)) : Math.max(...grids.map((g) => g.scale));
  const { rows, cols } = grids.find(({ scale }) => scale === least)!;
  const up = (patches: number): number => Math.ceil(patches / pool) * pool;
  const pooled = (k: number): number =>
    (k === 1 ? side : up(inner + left) + (k - 2) * inner + up(inner + right)) / pool;
  const [H, W] = [pooled(rows), pooled(cols)];
  const whole = side / pool;
  return { features: H * W + whole * whole, total: H * (W + 1) + 2 + whole * (whole + 1) + 2 };
}
