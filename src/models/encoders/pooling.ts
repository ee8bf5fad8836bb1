import { WinnowError } from '../../base/errors.ts';
import { type Json, readJsonIn } from '../processing/files.ts';
import type { Tensor } from '../session.ts';
import type { ModelFolder } from '../source.ts';

/**
 * What is done with the states of a text's tokens, `[length, dim]` row-major in `states`: one vector of `dim` numbers.
 */
type Pool = (states: Float32Array, length: number, dim: number) => Float64Array;

const state: (at: (length: number) => number) => Pool = (at) => (states, length, dim) =>
  Float64Array.from(states.subarray(at(length) * dim, (at(length) + 1) * dim));

/** Sum of the states, each by its weight. */
const weighted: (weight: (t: number, length: number) => number) => Pool = (weight) => (states, length, dim) => {
  const vector = new Float64Array(dim);
  for (let t = 0; t < length; t++) {
    const w = weight(t, length);
    for (let c = 0; c < dim; c++) vector[c]! += states[t * dim + c]! * w;
  }
  return vector;
};

const largest: Pool = (states, length, dim) => {
  const vector = new Float64Array(dim).fill(Number.NEGATIVE_INFINITY);
  for (let t = 0; t < length; t++) {
    for (let c = 0; c < dim; c++) vector[c] = Math.max(vector[c]!, states[t * dim + c]!);
  }
  return vector;
};

/** By the flags of sentence-transformers' pooling, in the order in which the vectors of several stand side by side. */
const POOLS: Readonly<Record<string, Pool>> = {
  cls_token: state(() => 0),
  max_tokens: largest,
  mean_tokens: weighted((_, length) => 1 / length),
  mean_sqrt_len_tokens: weighted((_, length) => 1 / Math.sqrt(length)),
  weightedmean_tokens: weighted((t, length) => (2 * (t + 1)) / (length * (length + 1))),
  lasttoken: state((length) => length - 1),
};
/** Newer configurations name the modes. */
const NAMES: Readonly<Record<string, string>> = {
  cls: 'cls_token',
  max: 'max_tokens',
  mean: 'mean_tokens',
  weightedmean: 'weightedmean_tokens',
};

/** What a sentence-transformers folder does to the states of its encoder. */
export interface SentenceHead {
  /** Vectors that stand side by side. */
  readonly parts: number;
  /** Put before every text. */
  readonly prompt: string;
  /** The vector of text `i`, of which the first `length` positions are real. */
  pool(states: Tensor, i: number, length: number): Float64Array;
}

/**
 * Reads the pooling of a sentence-transformers folder: mean where it says nothing. A module behind it that would change
 * the vectors other than by their length is refused.
 *
 * @throws WinnowError `MODEL_UNSUPPORTED`
 */
export async function readSentenceHead(model: ModelFolder): Promise<SentenceHead> {
  const modules = ((await readJsonIn(model.folder, 'modules.json')) ?? []) as unknown as {
    type: string;
    path: string;
  }[];
  const kinds = modules.map(({ type }) => type.slice(type.lastIndexOf('.') + 1));
  const isKnown = kinds[0] === 'Transformer' && kinds[1] === 'Pooling' && modules[0]!.path === '';
  const strange = kinds.find((kind, i) => i > 1 && kind !== 'Normalize' && kind !== 'Dropout');
  if (kinds.length > 0 && !isKnown) throw unsupported(model, `the modules ${kinds.join(', ')}`);
  if (strange !== undefined) throw unsupported(model, `the module ${strange}`);
  const config = (await readJsonIn(model.folder, `${modules[1]?.path ?? '1_Pooling'}/config.json`)) ?? {};
  const pools = chosenPools(model, config);
  const prompt = await defaultPrompt(model);
  if (prompt !== '' && config.include_prompt === false) throw unsupported(model, 'pooling that leaves its prompt out');
  return {
    parts: pools.length,
    prompt,
    pool: (states, i, length) => {
      const [, positions, dim] = states.dims as [number, number, number];
      const own = (states.data as Float32Array).subarray(i * positions * dim, (i + 1) * positions * dim);
      const vector = new Float64Array(pools.length * dim);
      pools.forEach((pool, k) => void vector.set(pool(own, length, dim), k * dim));
      return vector;
    },
  };
}

function chosenPools(model: ModelFolder, config: Json): Pool[] {
  const named = ([] as unknown[]).concat(config.pooling_mode ?? []).map(String);
  const flags = Object.entries(config).filter(([key, on]) => key.startsWith('pooling_mode_') && on === true);
  const given = named.length > 0 ? named : flags.map(([key]) => key.slice('pooling_mode_'.length));
  const modes = given.map((mode) => NAMES[mode] ?? mode);
  const unknown = modes.filter((mode) => POOLS[mode] === undefined);
  if (unknown.length > 0) throw unsupported(model, `pooling by ${unknown.join(', ')}`);
  if (modes.length === 0) return [POOLS.mean_tokens!];
  return Object.entries(POOLS).flatMap(([mode, pool]) => (modes.includes(mode) ? [pool] : []));
}

/** What sentence-transformers puts before every text that is given no other prompt. */
async function defaultPrompt(model: ModelFolder): Promise<string> {
  const config = (await readJsonIn(model.folder, 'config_sentence_transformers.json')) ?? {};
  const name = config.default_prompt_name;
  return typeof name === 'string' ? (((config.prompts ?? {}) as Record<string, string>)[name] ?? '') : '';
}

function unsupported(model: ModelFolder, what: string): WinnowError {
  return new WinnowError({
    code: 'MODEL_UNSUPPORTED',
    message: `'${model.name}' uses ${what}, which is not supported in process.`,
    hint: 'Score with --by worker from a folder with safetensors, or export the model with its pooling (sentence_embedding).',
    exitCode: 2,
  });
}
