import { WinnowError } from '../../base/errors.ts';
import { graphName, requireOnnx } from '../graph-files.ts';

/** What is fetched of a hub model: its graphs for this process, or its weights for the worker. */
export interface Part {
  /** Written last, in the model's folder: with it, this part is whole. */
  readonly mark: string;
  holds(file: string): boolean;
  needed(files: readonly string[]): string[];
  /** @throws WinnowError where the model lacks it */
  require(name: string, files: readonly string[]): void;
}

/** Graphs that something here reads; repositories hold others beside them, such as differently optimised copies. */
const READ: ReadonlySet<string> = new Set([
  'model',
  'text_model',
  'vision_model',
  'vision_encoder',
  'embed_tokens',
  'decoder_model',
  'decoder_model_merged',
  'decoder_prefix',
  'decoder_loss',
]);

/** Graphs that another graph of the same folder replaces: nothing here reads them then. */
const REPLACED_BY: Record<string, readonly string[]> = {
  decoder_model: ['decoder_model_merged'],
  model: ['text_model', 'vision_model'],
};

/**
 * Which files of a hub model are needed: configurations, tokenizer, templates, and of every graph the one with the best
 * numbers (fp32, else fp16, else a quantised one) with its external data. No safetensors, no pickles, no code.
 */
export function neededFiles(files: readonly string[]): string[] {
  const graphs = new Map<string, { file: string; rank: number }>();
  for (const file of files) {
    if (!/^(onnx\/)?[^/]+\.onnx$/.test(file)) continue;
    const { base, rank } = graphName(file);
    if (!READ.has(base)) continue;
    const known = graphs.get(base);
    const better = known === undefined || rank < known.rank || (rank === known.rank && file.startsWith('onnx/'));
    if (better) graphs.set(base, { file, rank });
  }
  for (const [base, by] of Object.entries(REPLACED_BY)) if (by.every((other) => graphs.has(other))) graphs.delete(base);
  const chosen = [...graphs.values()].map(({ file }) => file);
  return files.filter((file) => {
    if (chosen.includes(file)) return true;
    if (/\.onnx[._]data(_\d+)?$/.test(file)) return chosen.includes(file.replace(/[._]data(_\d+)?$/, ''));
    if (/^onnx\/[^/]+\.(bin|data|safetensors)$/.test(file)) return true;
    if (file.endsWith('.index.json')) return false;
    return /^[^/]+\.(json|jinja)$/.test(file) || /^\d+_[A-Za-z]+\/config\.json$/.test(file);
  });
}

/**
 * Which files the worker needs: safetensors with their index, configurations, tokenizer, templates. No pickles, no
 * code, no copies in subfolders, and no `consolidated` copy beside a sharded one.
 */
export function weightFiles(files: readonly string[]): string[] {
  const sharded = files.includes('model.safetensors.index.json') || files.includes('model.safetensors');
  return files.filter((file) =>
    file.endsWith('.safetensors')
      ? /^[^/]+$/.test(file) && !(sharded && !file.startsWith('model'))
      : /^[^/]+\.(json|jinja|model|txt)$/.test(file),
  );
}

/** @throws WinnowError `MODEL_NO_WEIGHTS` */
export function requireWeights(name: string, files: readonly string[]): void {
  if (files.some((file) => /^[^/]+\.safetensors$/.test(file))) return;
  throw new WinnowError({
    code: 'MODEL_NO_WEIGHTS',
    message: `'${name}' has no safetensors weights, which the worker reads.`,
    hint: 'Give a model or a folder as save_pretrained writes it.',
  });
}

export const GRAPHS: Part = {
  mark: '.complete.json',
  holds: (file) => file.endsWith('.onnx'),
  needed: neededFiles,
  require: requireOnnx,
};

export const WEIGHTS: Part = {
  mark: '.weights.json',
  holds: (file) => /^[^/]+\.safetensors$/.test(file),
  needed: weightFiles,
  require: requireWeights,
};

export const TOKENIZER: Part = {
  mark: '.tokenizer-complete.json',
  holds: (file) => file === 'tokenizer.json',
  needed: (files) => files.filter((file) => /^[^/]+\.(json|jinja)$/.test(file) && !file.endsWith('.index.json')),
  require: (name, files) => {
    if (files.includes('tokenizer.json')) return;
    throw new WinnowError({
      code: 'MODEL_INCOMPLETE',
      message: `'${name}' has no tokenizer.json.`,
      hint: 'Save its tokenizer in the fast format with transformers.',
    });
  },
};
