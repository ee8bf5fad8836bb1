import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WinnowError } from '../base/errors.ts';

/** Suffixes of transformers.js, best numbers first. */
const DTYPES = ['', '_fp16', '_quantized', '_int8', '_uint8', '_q8', '_q4', '_q4f16', '_bnb4'] as const;

/** Name of a graph without its dtype, and the dtype's rank (0 is fp32). */
export function graphName(file: string): { base: string; rank: number } {
  const stem = file.slice(file.lastIndexOf('/') + 1).replace(/\.onnx$/, '');
  for (let rank = DTYPES.length - 1; rank > 0; rank--) {
    const suffix = DTYPES[rank]!;
    if (stem.endsWith(suffix)) return { base: stem.slice(0, -suffix.length), rank };
  }
  return { base: stem, rank: 0 };
}

/**
 * Path of a graph in a model's folder (`onnx/`, or the folder itself): the file of the best dtype that is there.
 * Undefined when there is none.
 * @param base e.g. `text_model`
 */
export async function findGraph(folder: string, base: string): Promise<string | undefined> {
  const found: { path: string; rank: number }[] = [];
  for (const place of ['onnx', '.']) {
    const names = await readdir(join(folder, place)).catch(() => []);
    for (const name of names) {
      if (!name.endsWith('.onnx')) continue;
      const graph = graphName(name);
      if (graph.base === base) found.push({ path: join(folder, place, name), rank: graph.rank });
    }
    if (found.length > 0) break;
  }
  return found.sort((a, b) => a.rank - b.rank)[0]?.path;
}

/**
 * Refuses a model without ONNX graphs, and says what to do.
 * @param files paths relative to the model's folder.
 * @throws WinnowError `MODEL_NO_ONNX`, or `MODEL_PICKLE` when its weights are in pickles only.
 */
export function requireOnnx(name: string, files: readonly string[]): void {
  if (files.some((file) => file.endsWith('.onnx'))) return;
  if (files.some((file) => file.endsWith('.safetensors'))) {
    throw new WinnowError({
      code: 'MODEL_NO_ONNX',
      message: `'${name}' has safetensors weights and no ONNX graphs.`,
      hint: 'Export it: python -m winnow_worker.export FOLDER OUT, then give OUT.',
    });
  }
  if (files.some((file) => /\.(bin|pt|pth|ckpt)$/.test(file))) {
    throw new WinnowError({
      code: 'MODEL_PICKLE',
      message: `'${name}' has its weights in pickle files only (.bin, .pt), which can run code when they are read; they are never opened.`,
      hint: 'Take a revision with safetensors or ONNX files.',
    });
  }
  throw new WinnowError({
    code: 'MODEL_NO_ONNX',
    message: `'${name}' has no ONNX graphs.`,
    hint: 'Give a folder in the layout of transformers.js: config.json and onnx/.',
  });
}
