import { WinnowError } from '../../base/errors.ts';
import { type ResampleFilter, resampleFilter } from './resample.ts';

/** Target size of a resize step, in the ways processor configurations write it. */
export type TargetSize =
  | { kind: 'shortest'; edge: number; longest?: number }
  | { kind: 'longest'; edge: number }
  | { kind: 'exact'; height: number; width: number };

/**
 * What an image processor does, read from `preprocessor_config.json` (or its nested place in `processor_config.json`).
 */
export interface ImageConfig {
  /** `plain`: one picture of one size. `tiled`: Idefics3's longest edge, tiles and a global picture. */
  kind: 'plain' | 'tiled';
  /** Name in the configuration, for messages. */
  type: string;
  /** LLaVA's `expand2square`: pads to a square of the mean colour first. */
  padToSquare: boolean;
  resize: TargetSize | undefined;
  filter: ResampleFilter;
  crop: { height: number; width: number } | undefined;
  /** 1 without rescaling. */
  scale: number;
  mean: readonly number[];
  std: readonly number[];
  normalise: boolean;
  /** Edge of a tile (tiled only). */
  tile: number;
  /** Whether the picture is cut (tiled only). */
  split: boolean;
}

type Json = Record<string, unknown>;

const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];
const HALF = [0.5, 0.5, 0.5];

/** Defaults of the processor classes in `transformers` (their class attributes). */
const CLASSES: Record<string, Json & { kind: ImageConfig['kind'] }> = {
  clip: {
    kind: 'plain',
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 224 },
    do_center_crop: true,
    resample: 3,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
  },
  llava: {
    kind: 'plain',
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 224 },
    do_center_crop: true,
    do_pad: false,
    resample: 3,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
  },
  bit: {
    kind: 'plain',
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 224 },
    do_center_crop: true,
    resample: 3,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
  },
  siglip: {
    kind: 'plain',
    size: { height: 224, width: 224 },
    do_center_crop: false,
    resample: 3,
    image_mean: HALF,
    image_std: HALF,
  },
  vit: {
    kind: 'plain',
    size: { height: 224, width: 224 },
    do_center_crop: false,
    resample: 2,
    image_mean: HALF,
    image_std: HALF,
  },
  idefics3: {
    kind: 'tiled',
    size: { longest_edge: 4 * 364 },
    max_image_size: { longest_edge: 364 },
    do_image_splitting: true,
    resample: 1,
    image_mean: HALF,
    image_std: HALF,
  },
};
CLASSES.smolvlm = CLASSES.idefics3!;

/** `CLIPImageProcessorFast` -> `clip`. */
function className(type: string): string {
  return type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '').toLowerCase();
}

/**
 * Reads a processor configuration.
 * @throws WinnowError `PROCESSOR_UNSUPPORTED` for a processor class or a value that isn't known here.
 */
export function readImageConfig(json: Json): ImageConfig {
  const type = String(json.image_processor_type ?? json.feature_extractor_type ?? '');
  const defaults = CLASSES[className(type)];
  if (defaults === undefined) throw unsupported(`image processor '${type}'`);
  const value = (key: string): unknown => json[key] ?? defaults[key];
  const flag = (key: string, otherwise: boolean): boolean => (value(key) as boolean | undefined) ?? otherwise;
  const filter = resampleFilter(Number(value('resample')));
  if (filter === undefined) throw unsupported(`resample ${String(value('resample'))}`);
  const crop = value('crop_size');
  return {
    kind: defaults.kind,
    type,
    padToSquare: className(type) === 'llava' && flag('do_pad', false),
    resize: flag('do_resize', true) ? targetSize(value('size')) : undefined,
    filter,
    crop: flag('do_center_crop', false) ? cropSize(crop) : undefined,
    scale: flag('do_rescale', true) ? Number(json.rescale_factor ?? 1 / 255) : 1,
    mean: threeOf(value('image_mean')),
    std: threeOf(value('image_std')),
    normalise: flag('do_normalize', true),
    tile: Number((value('max_image_size') as Json | undefined)?.longest_edge ?? 0),
    split: flag('do_image_splitting', false),
  };
}

function threeOf(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [Number(value), Number(value), Number(value)];
}

function targetSize(size: unknown): TargetSize {
  // A bare number is the shortest edge: `default_to_square` is false in every class above.
  if (typeof size === 'number') return { kind: 'shortest', edge: size };
  const {
    height,
    width,
    shortest_edge: shortest,
    longest_edge: longest,
  } = (size ?? {}) as Record<string, number | undefined>;
  if (shortest) return { kind: 'shortest', edge: shortest, longest: longest || undefined };
  if (longest) return { kind: 'longest', edge: longest };
  if (height && width) return { kind: 'exact', height, width };
  throw unsupported(`size ${JSON.stringify(size)}`);
}

function cropSize(size: unknown): { height: number; width: number } {
  if (typeof size === 'number') return { height: size, width: size };
  const { height, width } = (size ?? {}) as Record<string, number | undefined>;
  if (height && width) return { height, width };
  throw unsupported(`crop_size ${JSON.stringify(size)}`);
}

function unsupported(what: string): WinnowError {
  return new WinnowError({
    code: 'PROCESSOR_UNSUPPORTED',
    message: `The model's preprocessor configuration has ${what}, which is not supported.`,
    hint: `Use a model with one of the processors ${Object.keys(CLASSES).join(', ')}.`,
  });
}
