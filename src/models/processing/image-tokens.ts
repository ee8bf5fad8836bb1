import { WinnowError } from '../../base/errors.ts';
import type { Json } from './files.ts';
import type { Pixels } from './image.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { ProcessedImage } from './types.ts';

/** How a family writes an image among tokens. */
export interface ImageTokens {
  /** The one token that stands for an image in the rendered template. */
  readonly text: string;
  readonly id: number;
  /** Number of positions that image features replace. */
  count(pixels: Pixels): number;
  /** Ids in the place of the placeholder: those equal to `id` are replaced by features. */
  expand(image: ProcessedImage): readonly number[];
  /** Ids that are never trained. */
  readonly never: ReadonlySet<number>;
}

/** LLaVA: the token repeated once for every patch. `processor` and `config` are the folder's configurations. */
export function llavaTokens(tokenizer: Tokenizer, processor: Json, config: Json): ImageTokens {
  const text = tokenizer.special.image_token ?? String(processor.image_token ?? '<image>');
  const id = requireId(tokenizer, text);
  const vision = (config.vision_config ?? {}) as Json;
  const patch = Number(processor.patch_size ?? vision.patch_size);
  const strategy = processor.vision_feature_select_strategy ?? config.vision_feature_select_strategy ?? 'default';
  // Processors saved before the field existed leave it out; CLIP towers have one class token and SigLIP's have none.
  const extra = Number(processor.num_additional_image_tokens ?? (vision.model_type === 'siglip_vision_model' ? 0 : 1));
  if (!(patch > 0)) throw broken('patch_size is neither in processor_config.json nor in config.json');
  return {
    text,
    id,
    count: ({ height, width }) =>
      Math.floor(height / patch) * Math.floor(width / patch) + extra - (strategy === 'default' ? 1 : 0),
    expand: (image) => new Array<number>(image.tokens).fill(id),
    never: new Set([id]),
  };
}

/** Idefics3 and SmolVLM: every tile behind a fake token and its row and column, then the global picture. */
export function idefics3Tokens(tokenizer: Tokenizer, processor: Json, config: Json): ImageTokens {
  const text = tokenizer.special.image_token ?? '<image>';
  const fake = tokenizer.special.fake_image_token ?? '<fake_token_around_image>';
  const global = tokenizer.special.global_image_token ?? '<global-img>';
  const id = requireId(tokenizer, text);
  const length = Number(processor.image_seq_len ?? tokensOfTile(config));
  const cache = new Map<string, readonly number[]>();
  const write = (rows: number, cols: number): string => {
    const picture = text.repeat(length);
    let out = '';
    for (let r = 1; r <= rows; r++) {
      for (let c = 1; c <= cols; c++) out += `${fake}<row_${r}_col_${c}>${picture}`;
      out += '\n';
    }
    return `${out}${rows > 0 ? '\n' : ''}${fake}${global}${picture}${fake}`;
  };
  return {
    text,
    id,
    count: ({ tiles }) => tiles * length,
    expand: ({ rows = 0, cols = 0 }) => {
      const key = `${rows}x${cols}`;
      let ids = cache.get(key);
      if (ids === undefined) {
        ids = tokenizer.encode(write(rows, cols));
        cache.set(key, ids);
      }
      return ids;
    },
    never: new Set([id]),
  };
}

/** (size / patch / scale)^2: what the connector leaves of a tile's patches. */
function tokensOfTile(config: Json): number {
  const vision = (config.vision_config ?? {}) as Json;
  const edge = Number(vision.image_size) / Number(vision.patch_size) / Number(config.scale_factor);
  if (!(edge > 0)) throw broken('image_seq_len is not in processor_config.json and cannot be had from config.json');
  return Math.floor(edge * edge);
}

function requireId(tokenizer: Tokenizer, token: string): number {
  const id = tokenizer.idOf(token);
  if (id === undefined) throw broken(`the tokenizer has no token ${token}`);
  return id;
}

function broken(message: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_BROKEN',
    message: `The model's files don't fit together: ${message}`,
    hint: 'Download or export the model again.',
  });
}
