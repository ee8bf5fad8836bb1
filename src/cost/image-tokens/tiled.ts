import type { RuleOf } from '../../families/record.ts';
import type { ImageTokenCount, Size } from './count.ts';
import { longestSize, tiledSize } from './tile-sizes.ts';

/**
 * Idefics3, SmolVLM: the longer side becomes the longest edge (small images grow), both sides then multiples of a tile;
 * tiles and the whole picture have `tokens` each, and their rows and columns are marked. Source: transformers
 * `image_processing_idefics3`.
 */
export function idefics3Tokens(size: Size, { longest, tile, tokens: q }: RuleOf<'tiles'>): ImageTokenCount {
  const { width, height } = tiledSize(longestSize(size, longest), tile);
  const isSplit = width > tile || height > tile;
  const [rows, cols] = isSplit ? [height / tile, width / tile] : [0, 0];
  return { features: (rows * cols + 1) * q, total: rows * (cols * (q + 2) + 1) + q + 3 };
}

/**
 * InternVL: the grid of tiles whose shape is nearest to the image's, of equally near ones the later where the image has
 * more than half of its area; with more than one tile the whole picture besides. Source: `dynamic_preprocess` of
 * OpenGVLab/InternVL.
 */
export function internvlTokens({ width, height }: Size, { tile, min, max, tokens }: RuleOf<'grid'>): ImageTokenCount {
  const grids: [number, number][] = [];
  for (let n = min; n <= max; n++) {
    for (let a = 1; a <= n; a++) {
      for (let b = 1; b <= n; b++) if (a * b <= max && a * b >= min && !has(grids, a, b)) grids.push([a, b]);
    }
  }
  grids.sort(([a, b], [c, d]) => a * b - c * d);
  let best: [number, number] = [1, 1];
  let nearest = Number.POSITIVE_INFINITY;
  for (const [a, b] of grids) {
    const distance = Math.abs(width / height - a / b);
    if (distance < nearest || (distance === nearest && width * height > 0.5 * tile * tile * a * b)) best = [a, b];
    nearest = Math.min(nearest, distance);
  }
  const tiles = best[0] * best[1];
  const features = (tiles > 1 ? tiles + 1 : 1) * tokens;
  return { features, total: features + 2 };
}

const has = (grids: readonly [number, number][], a: number, b: number): boolean =>
  grids.some(([c, d]) => a === c && b === d);

/**
 * Gemma 3 with pan and scan, which is off by default: a picture between markers; a long one is cut along its long side
 * as well.
 */
export function gemma3Tokens({ width, height }: Size, rule: RuleOf<'crops'>): ImageTokenCount {
  const { tokens, markers, minCrop, maxCrops, minRatio } = rule;
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  let crops = 0;
  if (long / short >= minRatio) {
    const wanted = Math.min(Math.floor(long / short + 0.5), Math.floor(long / minCrop));
    const n = Math.min(maxCrops, Math.max(2, wanted));
    if (Math.min(Math.ceil(long / n), short) >= minCrop) crops = n;
  }
  return { features: (1 + crops) * tokens, total: (1 + crops) * (tokens + markers) };
}
