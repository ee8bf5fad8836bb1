import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { BOX_STYLES, type BoxFrame, LLAMA_FACTORY_PIXELS, type ResizeLimits } from '../families/boxes.ts';

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
  /** A trainer that renders the model's template itself; its model's own script is out of the game then. */
  isTrainer?: true;
  /** Trainers in it, by name. */
  trainers?: readonly string[];
  /** Pixels that a trainer shrinks an image to before the model's own resize. */
  trainerPixels?: number;
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
/** The frame and the resize of a family's boxes. */
const boxes = (family: string): Pick<Target, 'boxFrame' | 'resize'> => {
  const style = BOX_STYLES[family]!;
  return { boxFrame: style.frame, resize: style.resize };
};

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
    ...boxes('qwen3-vl'),
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
    ...boxes('qwen2.5-vl'),
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
    ...boxes('qwen2-vl'),
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
    ...boxes('internvl'),
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
  {
    name: 'llama-factory',
    title: 'LLaMA-Factory',
    isTrainer: true,
    specialTokens: ['<audio>'],
    strictTurns: true,
    registry: true,
    trainerPixels: LLAMA_FACTORY_PIXELS,
  },
  { name: 'trl', title: 'TRL', isTrainer: true, specialTokens: [] },
  { name: 'ms-swift', title: 'ms-swift', isTrainer: true, specialTokens: ['<audio>', '<ref-object>', '<cls-label>'] },
  { name: 'axolotl', title: 'axolotl', isTrainer: true, specialTokens: [] },
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
  if (found !== undefined) return found.isTrainer ? { ...found, trainers: [found.name] } : found;
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

/** What both expect; of numbers, those of the first that has them. A trainer replaces the script of its model. */
function together(a: Target, b: Target): Target {
  return {
    ...b,
    ...a,
    name: `${a.name},${b.name}`,
    title: `${a.title} with ${b.title}`,
    specialTokens: [...new Set([...a.specialTokens, ...b.specialTokens])],
    trainers: [...(a.trainers ?? []), ...(b.trainers ?? [])],
    maskWords: a.isTrainer || b.isTrainer ? undefined : (a.maskWords ?? b.maskWords),
  };
}
