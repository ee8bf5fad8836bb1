import { readdir, readFile, stat } from 'node:fs/promises';
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

/** Bytes of the weights in a folder. */
export async function weightBytes(folder: string): Promise<number> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
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
