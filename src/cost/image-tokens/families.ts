import { llavaNextTokens, molmoTokens } from './anyres.ts';
import type { ImageTokenCount, Size } from './count.ts';
import { qwenTokens } from './resized.ts';
import { gemma3Tokens, idefics3Tokens, internvlTokens } from './tiled.ts';

/** How a family of models turns an image into tokens, with the settings of its published checkpoints. */
interface Family {
  /** Names of its models, for whoever knows no more. */
  models: RegExp;
  /** The same number for images of any size. */
  fixed?: true;
  count(size: Size): ImageTokenCount;
}

/** Sizes of LLaVA-NeXT, height and width. */
const ANYRES = [
  [336, 672],
  [672, 336],
  [672, 672],
  [1008, 336],
  [336, 1008],
] as const;

const FAMILIES = {
  'llava-1.5': { models: /llava-?v?1\.5/i, fixed: true, count: () => ({ features: 576, total: 576 }) },
  'llava-next': {
    models: /llava-?(next|v?1\.6)/i,
    count: (size) => llavaNextTokens(size, { size: 336, patch: 14, grids: ANYRES }),
  },
  'qwen2-vl': {
    models: /qwen2(\.5)?-?vl/i,
    count: (size) => qwenTokens(size, { factor: 28, minPixels: 3136, maxPixels: 12_845_056 }),
  },
  'qwen3-vl': {
    models: /qwen3(\.\d)?-?vl/i,
    count: (size) => qwenTokens(size, { factor: 32, minPixels: 65_536, maxPixels: 16_777_216 }),
  },
  idefics3: { models: /idefics3/i, count: (size) => idefics3Tokens(size, { longest: 1456, tile: 364, tokens: 169 }) },
  'smolvlm-500m': {
    models: /smolvlm2?-(256|500)m/i,
    count: (size) => idefics3Tokens(size, { longest: 2048, tile: 512, tokens: 64 }),
  },
  smolvlm: { models: /smolvlm/i, count: (size) => idefics3Tokens(size, { longest: 1536, tile: 384, tokens: 81 }) },
  internvl: {
    models: /internvl/i,
    count: (size) => internvlTokens(size, { tile: 448, min: 1, max: 12, tokens: 256 }),
  },
  gemma3: { models: /gemma-?3/i, fixed: true, count: (size) => gemma3Tokens(size, 256) },
  molmo: {
    models: /molmo/i,
    count: (size) => molmoTokens(size, { crops: 12, size: 336, patch: 14, margins: [4, 4], pool: 2 }),
  },
} as const satisfies Record<string, Family>;

export type ImageFamily = keyof typeof FAMILIES;

/** Names of families whose tokens are known. */
export const IMAGE_FAMILIES = Object.keys(FAMILIES) as [ImageFamily, ...ImageFamily[]];

/** The family of a model by its name; undefined where the name doesn't say. */
export function familyOf(model: string): ImageFamily | undefined {
  return IMAGE_FAMILIES.find((name) => FAMILIES[name].models.test(model));
}

/** Tokens of every image, where the family gives all the same. */
export function fixedTokens(name: ImageFamily): number | undefined {
  const family: Family = FAMILIES[name];
  return family.fixed === true ? family.count({ width: 1, height: 1 }).total : undefined;
}

/** Tokens of an image in a family's prompt, markers included; NaN where the family refuses its shape. */
export function tokensOfImage(name: ImageFamily, size: Size): number {
  return FAMILIES[name].count(size).total;
}
