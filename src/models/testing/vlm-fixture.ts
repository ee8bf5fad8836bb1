import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeFolder } from '../../base/files/make-folder.ts';
import type { PreparedConversation, ProcessedImage } from '../processing/types.ts';
import type { ScoreRow } from '../vlm/score.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const EXPORTER = join(ROOT, 'worker', 'winnow_worker', 'export');

/** Families that the worker's fixtures cover: every connector, text model and vision tower that is exported. */
export const FAMILIES = ['llava-llama', 'llava-mistral', 'llava-qwen2', 'llava-siglip', 'idefics3', 'smolvlm'] as const;

/** A model of random weights with rows, and the losses of every response token that `transformers` computes. */
export interface VlmFixture {
  folder: string;
  images: ProcessedImage[];
  rows: ScoreRow[];
  losses: Record<'multimodal' | 'masked' | 'drop' | 'remove', number[]>[];
}

interface Span {
  image: number;
  start: number;
  end: number;
}

interface Written {
  images: { tiles: number; size: number; tokens: number; real: { height: number; width: number } | null }[];
  cases: {
    ids: number[];
    response: number[];
    images: number[];
    spans: Span[];
    blocks: Span[];
    losses: VlmFixture['losses'][number];
  }[];
}

/** Folder of the fixtures of all families; made once for each version of the exporter and of the libraries. */
export async function vlmFixtures(python: string): Promise<string> {
  const run = promisify(execFile);
  const hash = createHash('sha256');
  for (const file of readdirSync(EXPORTER).sort()) {
    if (file.endsWith('.py')) hash.update(file).update(readFileSync(join(EXPORTER, file)));
  }
  const script =
    "from importlib.metadata import version as v; print([v(p) for p in ('transformers', 'torch', 'onnx')])";
  hash.update((await run(python, ['-c', script])).stdout);
  const folder = join(ROOT, '.setup', 'fixtures', `vlm-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  makeFolder(join(ROOT, '.setup', 'fixtures'));
  const partial = `${folder}.${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  const env = { ...process.env, HF_HUB_OFFLINE: '1' };
  await run(python, ['-m', 'winnow_worker.export.fixtures', partial], { cwd: join(ROOT, 'worker'), env });
  // Another test process may have made it in the meantime; both are the same.
  await rename(partial, folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return folder;
}

export function readFixture(folder: string): VlmFixture {
  const written = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Written;
  const bytes = readFileSync(join(folder, 'pixels.f32'));
  const pixels = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let at = 0;
  const images = written.images.map(({ tiles, size, tokens, real }): ProcessedImage => {
    const pixelValues = pixels.slice(at, at + tiles * 3 * size * size);
    at += pixelValues.length;
    const image = { pixelValues, dims: [tiles, 3, size, size], tokens };
    if (real === null) return image;
    const one = (_: unknown, i: number): number =>
      Number(Math.floor(i / size) % size < real.height && i % size < real.width);
    return { ...image, pixelMask: Uint8Array.from({ length: tiles * size * size }, one) };
  });
  const rows = written.cases.map((row): ScoreRow => {
    const imageTokenMask = new Uint8Array(row.ids.length);
    for (const { start, end } of row.spans) imageTokenMask.fill(1, start, end);
    const conversation: PreparedConversation = {
      ids: Int32Array.from(row.ids),
      response: Uint8Array.from(row.response),
      imageTokenMask,
      imageSpans: row.spans,
      imageBlocks: row.blocks,
    };
    return { conversation, images: row.images };
  });
  return { folder, images, rows, losses: written.cases.map(({ losses }) => losses) };
}
