import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { type BoxFrame, LLAMA_FACTORY_PIXELS, type ResizeLimits } from '../families/boxes.ts';
import { FAMILIES, familyNamed, rulesOf } from '../families/families.ts';
import type { FamilyRecord } from '../families/record.ts';

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

/** What a family of models expects, by its record. */
function targetOf(family: FamilyRecord): Target {
  const { specialTokens, strictTurns, noSystemTurn } = family.template;
  const [resized] = rulesOf(family, 'resized');
  return {
    name: family.name,
    title: family.title,
    specialTokens,
    strictTurns,
    noSystemTurn,
    maskWords: maskWordsOf(family),
    boxFrame: family.boxes?.frame,
    resize: resized,
    minSide: resized?.factor,
    maxAspect: resized?.maxAspect,
    tiledTo: largestEdge(family),
    temporalPatch: family.temporalPatch,
  };
}

function maskWordsOf({ script }: FamilyRecord): Target['maskWords'] {
  const patterns = (sources: readonly string[]) => sources.map((source) => new RegExp(source));
  return script && { inUser: patterns(script.maskWords.inUser), inAny: patterns(script.maskWords.inAny) };
}

/** Longest edge that a small image is enlarged to, where the family cuts images into tiles. */
function largestEdge(family: FamilyRecord): number | undefined {
  const edges = family.checkpoints.map(({ imageTokens: rule }) => {
    if (rule.kind === 'tiles') return rule.longest;
    if (rule.kind === 'grid') return rule.tile;
    return rule.kind === 'anyres' ? Math.max(...rule.grids.map((sides) => Math.min(...sides))) : 0;
  });
  return Math.max(...edges) || undefined;
}

/** The script of the Qwen-VL repository, which reads one family's data. */
const QWEN_SCRIPT = targetOf(familyNamed('qwen3-vl')!);

/** Trainers, and what reads data in a way of its own. Sources: their data code. */
const TRAINERS: readonly Target[] = [
  {
    name: 'qwen-vl-finetune',
    title: "Qwen-VL's fine-tuning script",
    specialTokens: QWEN_SCRIPT.specialTokens,
    strictTurns: true,
    noSystemTurn: true,
    maskWords: QWEN_SCRIPT.maskWords,
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

/** Every target: the families, then the trainers. */
export const targets: readonly Target[] = [...FAMILIES.map(targetOf), ...TRAINERS];

/** The target of that name; a model and a trainer may be joined with a comma. Throws `TARGET_UNKNOWN`. */
export function targetNamed(names: string): Target {
  return names
    .split(',')
    .map((name) => oneTarget(name.trim()))
    .reduce(together);
}

function oneTarget(name: string): Target {
  const lower = name.toLowerCase();
  const family = familyNamed(lower)?.name ?? lower;
  const found = targets.find((target) => target.name === family);
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
