import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { findGraph } from '../graph-files.ts';
import { openSessions, type Port, type SessionPool } from '../session.ts';
import type { CacheShape } from './loss-graph.ts';

/** Names of the decoder's graph, the newer first. */
const DECODERS = ['decoder_model_merged', 'decoder_model'];
/** Weights above this are held once and a run uses all cores; below, each core has a session of its own. */
const SHARED_SESSION_BYTES = 256 * 2 ** 20;

export interface RuntimeOptions {
  /** Suffix of the files to load: `fp32` (none), `fp16`, `q4`, `int8` ... @default the best numbers that are there */
  dtype?: string;
  /** Use the graphs that transformers.js knows even where there are faster ones. @default false */
  standard?: boolean;
  /** Threads that run sessions. @default one a core for small models, else one */
  workers?: number;
}

/** An open model: its sessions and the sizes that its graphs state. */
export interface VlmRuntime {
  pool: SessionPool;
  /** `loss`: graphs that compute losses alone; else the name of the decoder's graph. */
  decoder: 'loss' | string;
  cache: CacheShape;
  /** Width of an embedding. */
  hidden: number;
  vision: { pixels: Port; mask: Port | undefined; output: string };
}

/**
 * Open the graphs of a model folder in the layout of transformers.js (`onnx/vision_encoder.onnx`,
 * `onnx/embed_tokens.onnx`, `onnx/decoder_model_merged.onnx`), or ours, which adds `decoder_prefix` and `decoder_loss`.
 *
 * @throws WinnowError MODEL_FILES_MISSING, MODEL_UNREADABLE, MODEL_UNSUPPORTED.
 */
export async function openRuntime(folder: string, options: RuntimeOptions = {}): Promise<VlmRuntime> {
  const files = await graphFiles(folder, options);
  const bytes = bytesOf(files);
  const cores = availableParallelism();
  const workers = options.workers ?? (bytes > SHARED_SESSION_BYTES ? 1 : cores);
  const pool = await openSessions(files, { workers, threads: Math.max(1, Math.floor(cores / workers)) });
  try {
    return describe(folder, pool, Object.keys(files));
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Paths of the graphs to load: a vision encoder, and a way to get losses. */
async function graphFiles(folder: string, options: RuntimeOptions): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const find = async (...names: string[]): Promise<boolean> => {
    for (const name of names) {
      const path = await graphPath(folder, name, options.dtype);
      if (path !== undefined) files[name] = path;
      if (path !== undefined) return true;
    }
    return false;
  };
  const need = async (...names: string[]): Promise<void> => {
    if (await find(...names)) return;
    throw new WinnowError({
      code: 'MODEL_FILES_MISSING',
      message: `${folder} has no onnx/${names.join('.onnx and no onnx/')}.onnx${options.dtype === undefined ? '' : ` in ${options.dtype}`}.`,
      hint: 'Give a model in the layout of transformers.js, or export one: python -m winnow_worker.export MODEL FOLDER.',
    });
  };
  await need('vision_encoder');
  if (options.standard !== true && (await find('decoder_prefix')) && (await find('decoder_loss'))) return files;
  delete files.decoder_prefix;
  await need('embed_tokens');
  await need(...DECODERS);
  return files;
}

async function graphPath(folder: string, name: string, dtype: string | undefined): Promise<string | undefined> {
  if (dtype === undefined) return findGraph(folder, name);
  const path = join(folder, 'onnx', `${name}${dtype === 'fp32' ? '' : `_${dtype}`}.onnx`);
  return existsSync(path) ? path : undefined;
}

/** Bytes of graphs with the weights beside them. */
function bytesOf(files: Record<string, string>): number {
  const beside = Object.values(files).flatMap((path) => [path, `${path}_data`, join(dirname(path), 'weights.bin')]);
  return [...new Set(beside)].reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
}

function describe(folder: string, pool: SessionPool, names: string[]): VlmRuntime {
  const decoder = names.includes('decoder_loss') ? 'loss' : DECODERS.find((name) => names.includes(name))!;
  const vision = pool.ports('vision_encoder')!;
  const ports = pool.ports(decoder === 'loss' ? 'decoder_loss' : decoder)!;
  const pixels = vision.inputs.find((port) => port.name === 'pixel_values');
  const embeds = ports.inputs.find((port) => port.name === (decoder === 'loss' ? 'image_features' : 'inputs_embeds'));
  const hidden = embeds?.shape.at(-1);
  const output = vision.outputs.find((port) => port.name === 'image_features') ?? vision.outputs[0];
  if (pixels === undefined || output === undefined || typeof hidden !== 'number') {
    throw new WinnowError({
      code: 'MODEL_UNSUPPORTED',
      message: `The graphs in ${folder} don't take what is known: pixel_values, and inputs_embeds of a fixed width.`,
      hint: 'Export the model with python -m winnow_worker.export.',
    });
  }
  const keys = ports.inputs.filter((port) => /^past_key_values\.\d+\.key$/.test(port.name));
  const shape = keys[0]?.shape ?? [];
  return {
    pool,
    decoder,
    hidden,
    cache: { layers: keys.length, heads: Number(shape[1] ?? 0), dim: Number(shape[3] ?? 0) },
    vision: {
      pixels,
      mask: vision.inputs.find((port) => port.name === 'pixel_attention_mask'),
      output: output.name,
    },
  };
}
