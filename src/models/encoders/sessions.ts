import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { WinnowError } from '../../base/errors.ts';
import { findGraph } from '../graph-files.ts';
import { openSessions, type Port, type SessionPool } from '../session.ts';
import { type ModelFolder, type ResolveOptions, resolveModel } from '../source.ts';

/**
 * From this size on, one session gets all cores: one copy of the weights in memory, and operators long enough to be
 * cut.
 */
const LARGE = 200 * 2 ** 20;

/** One graph, open. */
export interface OpenGraph {
  readonly pool: SessionPool;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Name under which the pool knows the graph. */
export const GRAPH = 'encoder';

/**
 * Opens the first of several graphs that a folder has.
 * @param bases names without dtype, in order of preference.
 * @throws WinnowError `MODEL_INCOMPLETE`, and those of the session pool.
 */
export async function openGraph(model: ModelFolder, bases: readonly string[]): Promise<OpenGraph> {
  for (const base of bases) {
    const path = await findGraph(model.folder, base);
    if (path === undefined) continue;
    const large = (await bytesOf(path)) > LARGE;
    const options = large ? { workers: 1, threads: availableParallelism() } : {};
    const pool = await openSessions({ [GRAPH]: path }, options);
    const { inputs, outputs } = pool.ports(GRAPH)!;
    return { pool, inputs, outputs };
  }
  throw new WinnowError({
    code: 'MODEL_INCOMPLETE',
    message: `'${model.name}' has none of the graphs ${bases.map((base) => `onnx/${base}.onnx`).join(', ')}.`,
    where: { file: model.folder },
    hint: 'Take a model folder in the layout of transformers.js, or export one: python -m winnow_worker.export FOLDER OUT.',
  });
}

/** A graph's own bytes and those of its external data. */
async function bytesOf(path: string): Promise<number> {
  const stem = basename(path);
  let total = 0;
  for (const name of await readdir(dirname(path))) {
    if (name === stem || name.startsWith(`${stem}_data`) || name.startsWith(`${stem}.data`) || name === 'weights.bin') {
      total += (await stat(join(dirname(path), name))).size;
    }
  }
  return total;
}

/** The first of some outputs that a graph has. @throws WinnowError `MODEL_UNSUPPORTED`. */
export function chooseOutput(model: ModelFolder, graph: OpenGraph, names: readonly string[]): Port {
  for (const name of names) {
    const port = graph.outputs.find((output) => output.name === name);
    if (port !== undefined) return port;
  }
  throw new WinnowError({
    code: 'MODEL_UNSUPPORTED',
    message: `'${model.name}' gives ${graph.outputs.map((port) => port.name).join(', ')}, and none of ${names.join(', ')}.`,
    hint: 'Export the model with python -m winnow_worker.export FOLDER OUT.',
  });
}

/** A model that is named, or found already. */
export async function toFolder(model: ModelFolder | string, options?: ResolveOptions): Promise<ModelFolder> {
  return typeof model === 'string' ? resolveModel(model, options) : model;
}

/** Copies a vector into row `i` of a matrix at unit length; a zero vector stays zero. */
export function putUnit(out: Float32Array, i: number, vector: ArrayLike<number>): void {
  let norm = 0;
  for (let c = 0; c < vector.length; c++) norm += vector[c]! * vector[c]!;
  const scale = norm === 0 ? 0 : 1 / Math.sqrt(norm);
  for (let c = 0; c < vector.length; c++) out[i * vector.length + c] = vector[c]! * scale;
}
