import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import type { ResizeLimits } from '../cost/image-tokens/resized.ts';

/** How a family writes boxes: 0 to 1000 over the image, or pixels of the image as the model sees it. */
export type BoxFrame = 'thousand' | 'resized-pixels';

/** What a model family or a trainer expects of its data. What it leaves out, it doesn't care about. */
export interface Target {
  name: string;
  title: string;
  /** Strings that its tokenizer or template turns into something else than text, wherever they stand. */
  specialTokens: readonly string[];
  /** User and assistant must take turns, beginning with user. */
  strictTurns?: boolean;
  /** It has no place for a system turn. */
  noSystemTurn?: boolean;
  /** Words by which its training script finds the answers; the first that stands in a text hides the real place. */
  maskWords?: { inUser: readonly RegExp[]; inAny: readonly RegExp[] };
  /** It finds columns and roles by a registry that must name all of them. */
  registry?: boolean;
  /** Ids are file names up to the first dot. */
  idsAreKeys?: boolean;
  boxFrame?: BoxFrame;
  /** Pixels that one image token covers on a side, and the limits on the image's area: what its resize is made of. */
  resize?: ResizeLimits;
  /** Shortest side in pixels that its preprocessing takes. */
  minSide?: number;
  /** Largest ratio of the sides that its preprocessing takes. */
  maxAspect?: number;
  /** The image is cut into tiles and a small one enlarged to them: longest side that it is brought to. */
  tiledTo?: number;
  /** Video frames in one temporal patch. */
  temporalPatch?: number;
}

const CHATML = ['<|im_start|>', '<|im_end|>', '<|endoftext|>'];
const QWEN = [...CHATML, '<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'];
const LLAMA = ['<s>', '</s>', '<unk>'];
const GEMMA = ['<bos>', '<eos>', '<pad>', '<start_of_turn>', '<end_of_turn>'];
/** Qwen's fine-tuning script scans for the token of this word. */
const QWEN_MASK = { inUser: [/\bassistant\b/], inAny: [] };
/** LLaVA v1 splits the rendered dialogue at these. */
const LLAVA_MASK = { inUser: [], inAny: [/\bUSER:/, /\bASSISTANT:/] };
const QWEN2_RESIZE = { factor: 28, minPixels: 3136, maxPixels: 12_845_056 };

/**
 * Every target, one record each. Sources: the checkpoints' tokenizer and preprocessor files, the trainers' data code.
 */
export const targets: readonly Target[] = [
  {
    name: 'qwen3-vl',
    title: 'Qwen3-VL',
    specialTokens: QWEN,
    strictTurns: true,
    maskWords: QWEN_MASK,
    boxFrame: 'thousand',
    resize: { factor: 32, minPixels: 65_536, maxPixels: 16_777_216 },
    minSide: 32,
    maxAspect: 200,
    temporalPatch: 2,
  },
  {
    name: 'qwen2.5-vl',
    title: 'Qwen2.5-VL',
    specialTokens: QWEN,
    strictTurns: true,
    maskWords: QWEN_MASK,
    boxFrame: 'resized-pixels',
    resize: QWEN2_RESIZE,
    minSide: 28,
    maxAspect: 200,
    temporalPatch: 2,
  },
  {
    name: 'qwen2-vl',
    title: 'Qwen2-VL',
    specialTokens: QWEN,
    strictTurns: true,
    maskWords: QWEN_MASK,
    boxFrame: 'thousand',
    resize: QWEN2_RESIZE,
    minSide: 28,
    maxAspect: 200,
    temporalPatch: 2,
  },
  {
    name: 'llava',
    title: 'LLaVA-1.5',
    specialTokens: LLAMA,
    strictTurns: true,
    noSystemTurn: true,
    maskWords: LLAVA_MASK,
  },
  {
    name: 'llava-next',
    title: 'LLaVA-NeXT',
    specialTokens: [...LLAMA, '[INST]', '[/INST]'],
    strictTurns: true,
    noSystemTurn: true,
    maskWords: LLAVA_MASK,
    tiledTo: 672,
  },
  {
    name: 'internvl',
    title: 'InternVL',
    specialTokens: [...CHATML, '<img>', '</img>', '<IMG_CONTEXT>'],
    boxFrame: 'thousand',
    tiledTo: 448,
  },
  {
    name: 'smolvlm',
    title: 'SmolVLM',
    specialTokens: [...CHATML, '<fake_token_around_image>', '<global-img>', '<end_of_utterance>'],
    tiledTo: 2048,
  },
  {
    name: 'gemma3',
    title: 'Gemma 3',
    specialTokens: [...GEMMA, '<start_of_image>', '<end_of_image>', '<image_soft_token>'],
    strictTurns: true,
  },
  { name: 'paligemma', title: 'PaliGemma', specialTokens: GEMMA, strictTurns: true, noSystemTurn: true },
  {
    name: 'qwen-vl-finetune',
    title: "Qwen-VL's fine-tuning script",
    specialTokens: QWEN,
    strictTurns: true,
    noSystemTurn: true,
    maskWords: QWEN_MASK,
  },
  { name: 'llama-factory', title: 'LLaMA-Factory', specialTokens: ['<audio>'], strictTurns: true, registry: true },
  { name: 'trl', title: 'TRL', specialTokens: [] },
  { name: 'ms-swift', title: 'ms-swift', specialTokens: ['<audio>', '<ref-object>', '<cls-label>'] },
  { name: 'axolotl', title: 'axolotl', specialTokens: [] },
  { name: 'webdataset', title: 'WebDataset', specialTokens: [], idsAreKeys: true },
];

/** The target of that name; a model and a trainer may be joined with a comma. Throws `TARGET_UNKNOWN`. */
export function targetNamed(names: string): Target {
  return names
    .split(',')
    .map((name) => oneTarget(name.trim()))
    .reduce(together);
}

function oneTarget(name: string): Target {
  const found = targets.find((target) => target.name === name.toLowerCase());
  if (found !== undefined) return found;
  throw new WinnowError({
    code: 'TARGET_UNKNOWN',
    message: `There is no target "${name}".`,
    hint: `${didYouMean(
      name,
      targets.map((target) => target.name),
    )}Use one of ${targets.map((target) => target.name).join(', ')}, or a model and a trainer joined with a comma.`,
    exitCode: 2,
  });
}

/** What both expect; of numbers, those of the first that has them. */
function together(a: Target, b: Target): Target {
  return {
    ...b,
    ...a,
    name: `${a.name},${b.name}`,
    title: `${a.title} with ${b.title}`,
    specialTokens: [...new Set([...a.specialTokens, ...b.specialTokens])],
  };
}
