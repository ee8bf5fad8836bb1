import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';

/** A JSON object as it lies in a model's folder; fields are checked where they are used. */
export type Json = Record<string, unknown>;

/** Text of a file of a model's folder; undefined when it isn't there. */
export async function readTextIn(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A JSON file of a model's folder; undefined when it isn't there.
 * @throws WinnowError `MODEL_BROKEN` when it doesn't parse.
 */
export async function readJsonIn(folder: string, name: string): Promise<Json | undefined> {
  const text = await readTextIn(folder, name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new WinnowError({
      code: 'MODEL_BROKEN',
      message: `${name} is not valid JSON: ${(error as Error).message}`,
      where: { file: join(folder, name) },
      hint: 'Download the model again.',
      cause: error,
    });
  }
}

/** The error for a file without which a model can't be used. */
export function missingFile(folder: string, name: string, what: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_INCOMPLETE',
    message: `The model's folder has no ${name} (${what}).`,
    where: { file: join(folder, name) },
    hint: 'Take a model folder in the layout of transformers.js: configuration and tokenizer beside onnx/.',
  });
}
