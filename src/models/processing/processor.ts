import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { RgbImage } from '../types.ts';
import { prepareConversation } from './conversation.ts';
import { type Json, missingFile, readJsonIn } from './files.ts';
import { preprocessImage } from './image.ts';
import { type ImageConfig, readImageConfig } from './image-config.ts';
import { type ImageTokens, idefics3Tokens, llavaTokens } from './image-tokens.ts';
import { loadTemplate } from './template.ts';
import { loadTokenizer, type Tokenizer, tokenTexts } from './tokenizer.ts';
import type { PreparedConversation, ProcessedImage } from './types.ts';

/** A family's processor: what `AutoProcessor` is in `transformers`. */
export interface VlmProcessor {
  readonly family: 'llava' | 'idefics3' | 'smolvlm';
  /** Id of the token that image features replace. */
  readonly imageTokenId: number;
  readonly tokenizer: Tokenizer;
  /** Pixels and the number of tokens of an image. */
  processImage(image: RgbImage): ProcessedImage;
  /** Ids, masks and spans of a sample; `images` by their index in `sample.media.images`. */
  prepareConversation(sample: Sample, images: readonly (ProcessedImage | undefined)[]): PreparedConversation;
  /** Text of each token of a run, for people. */
  tokenTexts(ids: readonly number[]): string[];
}

const FAMILIES: Record<VlmProcessor['family'], (tokenizer: Tokenizer, processor: Json, config: Json) => ImageTokens> = {
  llava: llavaTokens,
  idefics3: idefics3Tokens,
  smolvlm: idefics3Tokens,
};

/**
 * Reads the processor of a model's folder: image processor, tokenizer, chat template and the family's way with image
 * tokens.
 * @throws WinnowError `MODEL_INCOMPLETE`, `MODEL_BROKEN`, `FAMILY_UNSUPPORTED`, `PROCESSOR_UNSUPPORTED`,
 * `TEMPLATE_MISSING`.
 */
export async function loadVlmProcessor(folder: string): Promise<VlmProcessor> {
  const config = await readJsonIn(folder, 'config.json');
  if (config === undefined) throw missingFile(folder, 'config.json', "the model's configuration");
  const family = String(config.model_type) as VlmProcessor['family'];
  const makeTokens = FAMILIES[family];
  if (makeTokens === undefined) {
    throw new WinnowError({
      code: 'FAMILY_UNSUPPORTED',
      message: `Model type '${String(config.model_type)}' has no processor here.`,
      where: { file: folder },
      hint: `Use a model of one of the families ${Object.keys(FAMILIES).join(', ')}.`,
    });
  }
  const imageConfig = await loadImageConfig(folder);
  const processor = (await readJsonIn(folder, 'processor_config.json')) ?? {};
  const tokenizer = await loadTokenizer(folder);
  const template = await loadTemplate(folder, tokenizer.special);
  const imageTokens = withPadding(makeTokens(tokenizer, processor, config), tokenizer);
  return {
    family,
    imageTokenId: imageTokens.id,
    tokenizer,
    processImage: (image) => {
      const pixels = preprocessImage(image, imageConfig);
      const { values, tiles, height, width, rows, cols } = pixels;
      return { pixelValues: values, dims: [tiles, 3, height, width], tokens: imageTokens.count(pixels), rows, cols };
    },
    prepareConversation: (sample, images) => prepareConversation(sample, images, { tokenizer, template, imageTokens }),
    tokenTexts: (ids) => tokenTexts(tokenizer, ids),
  };
}

/** Padding is never trained, where it isn't the end of a text too: trainers mask its id wherever it stands. */
function withPadding(imageTokens: ImageTokens, { special, idOf }: Tokenizer): ImageTokens {
  const pad = special.pad_token === undefined ? undefined : idOf(special.pad_token);
  if (pad === undefined || special.pad_token === special.eos_token) return imageTokens;
  return { ...imageTokens, never: new Set([...imageTokens.never, pad]) };
}

/**
 * The image processor's configuration: `preprocessor_config.json`, or nested in `processor_config.json` as transformers
 * 5 writes it.
 */
export async function loadImageConfig(folder: string): Promise<ImageConfig> {
  const nested = (await readJsonIn(folder, 'processor_config.json'))?.image_processor as Json | undefined;
  const json = nested ?? (await readJsonIn(folder, 'preprocessor_config.json'));
  if (json === undefined) throw missingFile(folder, 'preprocessor_config.json', 'how images are prepared');
  return readImageConfig(json);
}
