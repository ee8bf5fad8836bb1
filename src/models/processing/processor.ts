import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import { FAMILIES, familyOfType } from '../../families/families.ts';
import type { FamilyRecord } from '../../families/record.ts';
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
  /** Name of its record. */
  readonly family: string;
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

type MakeTokens = (tokenizer: Tokenizer, processor: Json, config: Json) => ImageTokens;
const WRITERS: Record<NonNullable<FamilyRecord['inProcess']>, MakeTokens> = {
  projector: llavaTokens,
  tiles: idefics3Tokens,
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
  const { name: family, inProcess } = familyIn(folder, String(config.model_type));
  const imageConfig = await loadImageConfig(folder);
  const processor = (await readJsonIn(folder, 'processor_config.json')) ?? {};
  const tokenizer = await loadTokenizer(folder);
  const template = await loadTemplate(folder, tokenizer.special);
  const imageTokens = withPadding(WRITERS[inProcess](tokenizer, processor, config), tokenizer);
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

/** The record of a family that runs in process. */
function familyIn(folder: string, modelType: string): FamilyRecord & Required<Pick<FamilyRecord, 'inProcess'>> {
  const family = familyOfType(modelType);
  if (family?.inProcess !== undefined) return { ...family, inProcess: family.inProcess };
  const here = FAMILIES.filter(({ inProcess }) => inProcess !== undefined).map(({ title }) => title);
  throw new WinnowError({
    code: 'FAMILY_UNSUPPORTED',
    message: `${family?.title ?? `A model of type "${modelType}"`} can't be run in process, where ${here.join(', ')} can.`,
    where: { file: folder },
    hint: 'Measure it with the worker: add --by worker, and run `winnow setup worker` once if it is not set up.',
    exitCode: 2,
  });
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
