import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const Config = z.object({
  vocab_size: z.int().positive().optional(),
  text_config: z.object({ vocab_size: z.int().positive().optional() }).nullish(),
});
const Tokenizer = z.object({
  model: z.object({ vocab: z.union([z.record(z.string(), z.int()), z.array(z.unknown())]) }),
  added_tokens: z.array(z.object({ id: z.int() })).optional(),
});

/**
 * Tokens that a model chooses from at every position: the width of its output as `config.json` gives it, else those
 * that `tokenizer.json` lists. Undefined where the folder says neither.
 */
export async function vocabularySize(folder: string): Promise<number | undefined> {
  const config = Config.safeParse(await readJson(join(folder, 'config.json'))).data;
  const width = config?.text_config?.vocab_size ?? config?.vocab_size;
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

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
