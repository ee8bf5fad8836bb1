import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonIn } from '../processing/files.ts';
import type { ModelFolder, ResolveOptions } from '../source.ts';
import type { ImageEncoder, TextEncoder } from '../types.ts';
import { toFolder } from './sessions.ts';
import { openImageTower, openTextTower } from './towers.ts';

/** Both towers of a contrastive model. */
export interface Clip {
  readonly image: ImageEncoder;
  readonly text: TextEncoder;
  /**
   * Factor and offset of the cosine: logits = scale * cosine + bias. Undefined when the folder doesn't hold them (ONNX
   * towers alone).
   */
  readonly similarity: { scale: number; bias: number } | undefined;
  close(): Promise<void>;
}

/**
 * Opens both towers of CLIP or SigLIP.
 * @param model a folder that was found, or a name to find.
 * @throws WinnowError of {@link resolveModel}, `MODEL_INCOMPLETE`, `MODEL_UNSUPPORTED`, `PROCESSOR_UNSUPPORTED`.
 */
export async function loadClip(model: ModelFolder | string, options?: ResolveOptions): Promise<Clip> {
  const folder = await toFolder(model, options);
  const image = await openImageTower(folder);
  const text = await openTextTower(folder).catch(async (error: unknown) => {
    await image.close();
    throw error;
  });
  return {
    image,
    text,
    similarity: await readSimilarity(folder.folder),
    close: async () => {
      await image.close();
      await text.close();
    },
  };
}

/**
 * From `similarity.json`, which the export writes, else from the scalars of `model.safetensors` (where the scale is a
 * logarithm).
 */
async function readSimilarity(folder: string): Promise<Clip['similarity']> {
  const written = await readJsonIn(folder, 'similarity.json');
  if (written !== undefined) return { scale: Number(written.scale), bias: Number(written.bias ?? 0) };
  const path = join(folder, 'model.safetensors');
  if (!existsSync(path)) return undefined;
  const scale = await readScalar(path, 'logit_scale');
  return scale === undefined
    ? undefined
    : { scale: Math.exp(scale), bias: (await readScalar(path, 'logit_bias')) ?? 0 };
}

/** One float32 number of a safetensors file: 8 bytes of header length, a JSON header with offsets, the data. */
async function readScalar(path: string, name: string): Promise<number | undefined> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(8);
    await file.read(head, 0, 8, 0);
    const length = Number(head.readBigUInt64LE());
    const json = Buffer.alloc(length);
    await file.read(json, 0, length, 8);
    const header = JSON.parse(json.toString('utf8')) as Record<
      string,
      { dtype: string; data_offsets: [number, number] }
    >;
    const entry = header[name];
    if (entry?.dtype !== 'F32') return undefined;
    const value = Buffer.alloc(4);
    await file.read(value, 0, 4, 8 + length + entry.data_offsets[0]);
    return value.readFloatLE();
  } finally {
    await file.close();
  }
}
