/**
 * What columns cost to measure, in passes over the data set: the vocabulary of the papers, where F is one forward pass
 * over the pool, B one backward pass (about 2 F) and P one epoch of training (F + B). Columns that one pass gives
 * together name the same pass.
 */

/**
 * `target`: the model that will be fine-tuned; `proxy`: a small one that is trained first; `vision`, `text`: encoders.
 */
export type PassModel = 'target' | 'proxy' | 'vision' | 'text';

export interface Pass {
  what: string;
  model: PassModel;
  /** Passes over each sample that is looked at. */
  forward: number;
  backward: number;
  /** Part of the data set that is looked at, and of the model's layers. @default 1 */
  share?: number;
  /** Tokens: `all` with those of the image, `text` without. @default all */
  tokens?: 'all' | 'text';
}

export const PASSES = {
  image: { what: 'the model reads the sample with its image', model: 'target', forward: 1, backward: 0 },
  blind: { what: 'the model reads the sample without its image', model: 'target', forward: 1, backward: 0 },
  direct: { what: 'the model reads the answer alone', model: 'target', forward: 1, backward: 0, tokens: 'text' },
  'image-only': { what: 'the model reads image and answer', model: 'target', forward: 1, backward: 0 },
  question: { what: 'the model reads the question, given the image', model: 'target', forward: 1, backward: 0 },
  'question-answer': {
    what: 'the model reads the question, given image and answer',
    model: 'target',
    forward: 1,
    backward: 0,
  },
  'verdict-question': { what: 'verdict on the answer, with the question', model: 'target', forward: 1, backward: 0 },
  'verdict-answer': { what: 'verdict on the answer, without the question', model: 'target', forward: 1, backward: 0 },
  'first-layer': {
    what: 'the first of 32 layers of the model',
    model: 'target',
    forward: 1,
    backward: 0,
    share: 1 / 32,
  },
  'proxy-training': { what: 'one epoch of training a proxy', model: 'proxy', forward: 1, backward: 1 },
  'proxy-last': { what: 'the trained proxy reads the sample', model: 'proxy', forward: 1, backward: 0 },
  'proxy-checkpoints': { what: '7 checkpoints of the proxy read the sample', model: 'proxy', forward: 7, backward: 0 },
  'less-warm-up': {
    what: '4 epochs of LoRA on 5 % of the data',
    model: 'target',
    forward: 4,
    backward: 4,
    share: 0.05,
  },
  'gradient-1': { what: 'gradient at checkpoint 1', model: 'target', forward: 1, backward: 1 },
  'gradient-2': { what: 'gradient at checkpoint 2', model: 'target', forward: 1, backward: 1 },
  'gradient-3': { what: 'gradient at checkpoint 3', model: 'target', forward: 1, backward: 1 },
  'gradient-4': { what: 'gradient at checkpoint 4', model: 'target', forward: 1, backward: 1 },
  'tive-warm-up': {
    what: 'an epoch of LoRA on 8 % of the data',
    model: 'target',
    forward: 1,
    backward: 1,
    share: 0.08,
  },
  'gradient-last': { what: 'gradient after the warm-up', model: 'target', forward: 1, backward: 1 },
  'presel-reference': {
    what: 'an epoch of LoRA on 5 % of the data',
    model: 'target',
    forward: 1,
    backward: 1,
    share: 0.05,
  },
  'presel-losses': { what: 'two losses of those 5 %', model: 'target', forward: 2, backward: 0, share: 0.05 },
  ratings: { what: 'a tuned model rates the sample', model: 'target', forward: 1, backward: 0 },
  clip: { what: 'CLIP reads image and text', model: 'vision', forward: 1, backward: 0 },
  'image-encoder': { what: 'an encoder reads the image', model: 'vision', forward: 1, backward: 0 },
  'text-encoder': { what: 'a sentence encoder reads the text', model: 'text', forward: 1, backward: 0, tokens: 'text' },
} as const satisfies Record<string, Pass>;

export type PassName = keyof typeof PASSES;

/** Columns that take decoding and no model. */
const OF_PIXELS = [
  'images',
  ...['width', 'height', 'brightness', 'contrast', 'colourfulness', 'sharpness', 'entropy'].map((of) => `image_${of}`),
];

const BY_COLUMN: Readonly<Record<string, readonly PassName[]>> = {
  nll_mm: ['image'],
  response_tokens: ['image'],
  nll_blind: ['image', 'blind'],
  necessity: ['image', 'blind'],
  nll_direct: ['direct'],
  nll_image_only: ['image-only'],
  irs: ['presel-reference', 'presel-losses'],
  nll_trajectory: ['proxy-training', 'proxy-checkpoints'],
  attention_sv: ['proxy-training', 'proxy-checkpoints'],
  coincide: ['proxy-training', 'proxy-last'],
  el2n: ['proxy-training', 'proxy-last'],
  aum: ['proxy-training', 'proxy-last'],
  hidden: ['image'],
  visual: ['image'],
  rds: ['image'],
  bridging: ['image'],
  signature: ['image'],
  informativeness: ['image'],
  tau: ['image'],
  turns: [],
  capabilities: ['ratings'],
  styles: ['ratings'],
  vision_repr: ['first-layer'],
  vic: ['image', 'blind'],
  ric: ['question', 'question-answer'],
  verdict_question: ['verdict-question'],
  verdict_answer: ['verdict-answer'],
  gradient_1: ['less-warm-up', 'gradient-1'],
  gradient_2: ['less-warm-up', 'gradient-2'],
  gradient_3: ['less-warm-up', 'gradient-3'],
  gradient_4: ['less-warm-up', 'gradient-4'],
  gradient_last: ['tive-warm-up', 'gradient-last'],
  gradient_norm: ['tive-warm-up', 'gradient-last'],
  selffilter: ['clip', 'image'],
  coido: ['clip', 'image'],
  clip_image: ['clip'],
  clip_text: ['clip'],
  clip_score: ['clip'],
  image: ['image-encoder'],
  dino: ['image-encoder'],
  instruction: ['text-encoder'],
  response: ['text-encoder'],
  both: ['text-encoder'],
  ...Object.fromEntries(OF_PIXELS.map((column) => [column, []])),
};

/**
 * Passes that a column takes, a blind variant's (`necessity_masked`) like that of its name; undefined where nobody has
 * said.
 */
export function passesOf(column: string): readonly PassName[] | undefined {
  return BY_COLUMN[column] ?? BY_COLUMN[column.replace(/_(masked|drop|remove)$/, '')];
}
