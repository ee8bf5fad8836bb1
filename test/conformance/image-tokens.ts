import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { llavaNextTokens, molmoTokens } from '../../src/cost/image-tokens/anyres.ts';
import type { ImageTokenCount, Size } from '../../src/cost/image-tokens/count.ts';
import { qwenTokens } from '../../src/cost/image-tokens/resized.ts';
import { countTokens } from '../../src/cost/image-tokens/rules.ts';
import { gemma3Tokens, idefics3Tokens, internvlTokens } from '../../src/cost/image-tokens/tiled.ts';
import type { FolderCheck, Verdict } from './check.ts';
import { differs } from './compare.ts';

/** Settings, each of those families that it is known of. */
interface Config {
  size: number;
  patch: number;
  merge: number;
  tile: number;
  seq: number;
  tokens: number;
  min: number;
  max: number;
  min_pixels: number;
  max_pixels: number;
  shortest_edge?: number;
  longest_edge: number;
  grid_pinpoints_hw: [number, number][];
  min_crop?: number;
  max_crops: number;
  min_ratio: number;
  margins: [number, number];
  pool: number;
}

interface Cases {
  cases: (Size & {
    arch: string;
    config: Config;
    expected: { image_tokens: number; total_with_markers: number };
  })[];
}

/** By the beginning of `arch`: tokens with the settings of the case. */
const COUNTS: readonly { arch: RegExp; count(size: Size, config: Config): ImageTokenCount }[] = [
  {
    arch: /^llava-1\.5/,
    count: (_, { size, patch }) => ({ features: (size / patch) ** 2, total: (size / patch) ** 2 }),
  },
  {
    arch: /^llava-v1\.6/,
    count: (of, { size, patch, grid_pinpoints_hw: grids }) => llavaNextTokens(of, { size, patch, grids }),
  },
  {
    arch: /^qwen/,
    count: (of, { patch, merge, min_pixels, max_pixels, shortest_edge, longest_edge }) =>
      qwenTokens(of, {
        factor: patch * merge,
        minPixels: shortest_edge ?? min_pixels,
        maxPixels: shortest_edge === undefined ? max_pixels : longest_edge,
        maxAspect: 200,
      }),
  },
  {
    arch: /^(idefics3|smolvlm)/,
    count: (of, { longest_edge: longest, tile, seq: tokens }) => idefics3Tokens(of, { longest, tile, tokens }),
  },
  { arch: /^internvl/, count: (of, { tile, min, max, tokens }) => internvlTokens(of, { tile, min, max, tokens }) },
  {
    arch: /^gemma3/,
    count: (of, { tokens, min_crop: minCrop, max_crops: maxCrops, min_ratio: minRatio }) =>
      minCrop === undefined
        ? countTokens({ kind: 'fixed', tokens, markers: 4 }, of)
        : gemma3Tokens(of, { tokens, markers: 4, minCrop, maxCrops, minRatio }),
  },
  {
    arch: /^molmo/,
    count: (of, { max_crops: crops, size, patch, margins, pool }) =>
      molmoTokens(of, { crops, size, patch, margins, pool }),
  },
];

/** How many tokens each family makes of images of many sizes. */
export const imageTokensCheck: FolderCheck = {
  folder: 'image_tokens',
  async runAll(path, fixtures) {
    const found = new Map<string, Verdict>();
    for (const { file } of fixtures) {
      const data = JSON.parse(await readFile(join(path, file), 'utf8')) as Partial<Cases>;
      if (!Array.isArray(data.cases) || !data.cases.every(({ arch }) => typeof arch === 'string')) continue;
      found.set(file, judge(data as Cases));
    }
    return found;
  },
};

function judge({ cases }: Cases): Verdict {
  for (const { arch, config, width, height, expected } of cases) {
    const rule = COUNTS.find((one) => one.arch.test(arch));
    if (rule === undefined) return { skip: `no rule for ${arch}` };
    const { features, total } = rule.count({ width, height }, config);
    const difference = differs(
      'tokens',
      { image_tokens: expected.image_tokens, total_with_markers: expected.total_with_markers },
      { image_tokens: features, total_with_markers: total },
    );
    if (difference !== undefined) return { difference: `${arch}, ${width} x ${height}: ${difference}` };
  }
  return {};
}
