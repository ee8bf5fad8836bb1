import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const Size = { vocab_size: z.int().positive().optional(), hidden_size: z.int().positive().optional() };
const Config = z.object({ ...Size, text_config: z.object(Size).nullish() });
const Tokenizer = z.object({
  model: z.object({ vocab: z.union([z.record(z.string(), z.int()), z.array(z.unknown())]) }),
  added_tokens: z.array(z.object({ id: z.int() })).optional(),
});

/**
 * Tokens that a model chooses from at every position: the width of its output as `config.json` gives it, else those
 * that `tokenizer.json` lists. Undefined where the folder says neither.
 */
export async function vocabularySize(folder: string): Promise<number | undefined> {
  const width = (await textConfig(folder)).vocab_size;
  if (width !== undefined) return width;
  const tokenizer = Tokenizer.safeParse(await readJson(join(folder, 'tokenizer.json'))).data;
  if (tokenizer === undefined) return undefined;
  const { vocab } = tokenizer.model;
  const ids = Array.isArray(vocab) ? [...vocab.keys()] : Object.values(vocab);
  return [...ids, ...(tokenizer.added_tokens ?? []).map(({ id }) => id)].reduce(
    (most, id) => Math.max(most, id + 1),
    0,
  );
}

/** Width of the language model's states; undefined where `config.json` does not say it. */
export async function hiddenSize(folder: string): Promise<number | undefined> {
  return (await textConfig(folder)).hidden_size;
}

/**
 * Parameters of a model: those that the headers of its safetensors list, else the bytes of its float32 graphs over 4.
 */
export async function parameterCount(folder: string): Promise<number> {
  const weights = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const counts = await Promise.all(weights.map((name) => tensorElements(join(folder, name))));
  if (counts.length > 0) return counts.reduce((sum, count) => sum + count, 0);
  const graphs = await readdir(join(folder, 'onnx')).catch(() => []);
  const full = graphs.filter(
    (name) => /\.(onnx|onnx_data|bin)$/.test(name) && !/_(q4|q4f16|fp16|int8|uint8|bnb4|quantized)\./.test(name),
  );
  const sizes = await Promise.all(full.map(async (name) => (await stat(join(folder, 'onnx', name))).size));
  return sizes.reduce((sum, size) => sum + size, 0) / 4;
}

const Tensors = z.record(z.string(), z.object({ shape: z.array(z.int().min(0)).optional() }));

/** Elements of all tensors of a safetensors file, from its header: eight bytes with its length, then JSON. */
async function tensorElements(file: string): Promise<number> {
  const handle = await open(file);
  try {
    const { buffer: length } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const size = Number(length.readBigUInt64LE());
    const { buffer: header } = await handle.read(Buffer.alloc(size), 0, size, 8);
    const tensors = Object.values(Tensors.parse(JSON.parse(header.toString())));
    return tensors.reduce((sum, { shape }) => sum + (shape?.reduce((product, n) => product * n, 1) ?? 0), 0);
  } finally {
    await handle.close();
  }
}

async function textConfig(folder: string): Promise<{ vocab_size?: number; hidden_size?: number }> {
  const config = Config.safeParse(await readJson(join(folder, 'config.json'))).data ?? {};
  return { ...config, ...config.text_config };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
