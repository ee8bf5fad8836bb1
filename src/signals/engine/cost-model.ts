/**
 * What columns cost to measure, in passes over the data set: the vocabulary of the papers, where F is one forward pass
 * over the pool, B one backward pass (about 2 F) and P one epoch of training (F + B). Passes of one name are one pass:
 * columns that it gives together share it.
 */

/**
 * `target`: the model that will be fine-tuned; `proxy`: a small one that is trained first; `vision`, `text`: encoders.
 */
export type PassModel = 'target' | 'proxy' | 'vision' | 'text';

export interface Pass {
  name: string;
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

/** One reading of every sample by a model. @param model by default the one that will be fine-tuned */
export function forwardPass(name: string, what: string, model: PassModel = 'target'): Pass {
  return { name, what, model, forward: 1, backward: 0 };
}

/** Passes that several signals share; what only one needs stands with that signal. */
export const PASSES = {
  image: forwardPass('image', 'the model reads the sample with its image'),
  blind: forwardPass('blind', 'the model reads the sample without its image'),
  proxyTraining: {
    name: 'proxy-training',
    what: 'one epoch of training a proxy',
    model: 'proxy',
    forward: 1,
    backward: 1,
  },
  proxyLast: forwardPass('proxy-last', 'the trained proxy reads the sample', 'proxy'),
  proxyCheckpoints: {
    ...forwardPass('proxy-checkpoints', '7 checkpoints of the proxy read the sample', 'proxy'),
    forward: 7,
  },
  clip: forwardPass('clip', 'CLIP reads image and text', 'vision'),
  imageEncoder: forwardPass('image-encoder', 'an encoder reads the image', 'vision'),
  textEncoder: { ...forwardPass('text-encoder', 'a sentence encoder reads the text', 'text'), tokens: 'text' },
} as const satisfies Record<string, Pass>;
