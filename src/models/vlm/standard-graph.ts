import { WinnowError } from '../../base/errors.ts';
import { toFloats, toPort } from '../half.ts';
import { float32, int64, type Port, type Tensor } from '../session.ts';
import { type ChunkFeatures, cacheNames } from './loss-graph.ts';
import type { VlmRuntime } from './runtime.ts';
import type { Sequence } from './sequence.ts';

/** A row for a decoder that takes embeddings and a mask. `hidden` marks positions to keep and mask. */
export interface MaskedSequence {
  sequence: Sequence;
  /** 1 where a position is masked; absent: none is. */
  hidden?: Uint8Array;
}

/**
 * Losses from a decoder as transformers.js has it: embeddings, attention mask and position ids in, logits out. Rows are
 * padded on the right. Inputs are given as the graph names them; a cache is given empty.
 *
 * @throws WinnowError MODEL_UNSUPPORTED for an input that isn't known, or positions the graph has no input for.
 */
export async function runStandardBatch(
  runtime: VlmRuntime,
  batch: readonly MaskedSequence[],
  features: ChunkFeatures,
): Promise<Float32Array[]> {
  const rows = batch.length;
  const length = Math.max(...batch.map(({ sequence }) => sequence.ids.length));
  const ids = new Int32Array(rows * length);
  const positions = new Int32Array(rows * length);
  const mask = new Int32Array(rows * length);
  for (const [r, { sequence, hidden }] of batch.entries()) {
    for (const [t, id] of sequence.ids.entries()) {
      ids[r * length + t] = Math.max(0, id);
      positions[r * length + t] = sequence.positions[t]!;
      mask[r * length + t] = hidden?.[t] === 1 ? 0 : 1;
    }
  }
  const embeds = await embed(runtime, batch, features, ids, length);
  const ports = runtime.pool.ports(runtime.decoder)!;
  const contiguous = batch.every(
    ({ sequence, hidden }) => !hidden?.includes(1) && sequence.positions.every((p, t) => p === t),
  );
  const feeds: Record<string, Tensor> = {};
  for (const port of ports.inputs) {
    feeds[port.name] = decoderInput(port, runtime, { embeds, ids, positions, mask, rows, length });
  }
  if (feeds.position_ids === undefined && !contiguous) {
    throw new WinnowError({
      code: 'POSITIONS_UNSUPPORTED',
      message: 'This decoder has no position_ids input, so text cannot keep its place when images are masked.',
      hint: 'Use the blind variant remove, or export the model with python -m winnow_worker.export.',
    });
  }
  const step = { graph: runtime.decoder, feeds, outputs: ['logits'] };
  const [logits] = await runtime.pool.run([step], [{ step: 0, output: 'logits' }]);
  const vocabulary = logits!.dims.at(-1)!;
  const values = toFloats(logits!);
  return batch.map(({ sequence }, r) =>
    Float32Array.from(sequence.queries, (query, i) => {
      const at = (r * length + query) * vocabulary;
      return negativeLogProbability(values.subarray(at, at + vocabulary), sequence.labels[i]!);
    }),
  );
}

/** `-log softmax(logits)[label]`, summed in double precision. */
function negativeLogProbability(logits: Float32Array, label: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of logits) if (value > most) most = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  return most + Math.log(sum) - logits[label]!;
}

async function embed(
  runtime: VlmRuntime,
  batch: readonly MaskedSequence[],
  features: ChunkFeatures,
  ids: Int32Array,
  length: number,
): Promise<Tensor> {
  const port = runtime.pool.ports('embed_tokens')!;
  const name = port.inputs[0]!.name;
  const output = port.outputs[0]!.name;
  const feeds = { [name]: int64(ids, [batch.length, length]) };
  const [tensor] = await runtime.pool.run([{ graph: 'embed_tokens', feeds, outputs: [output] }], [{ step: 0, output }]);
  const embeds = toFloats(tensor!);
  const { hidden } = runtime;
  const pictures = features.tensor.data as Float32Array;
  for (const [r, { sequence }] of batch.entries()) {
    for (const [t, id] of sequence.ids.entries()) {
      if (id >= 0) continue;
      const from = features.place(sequence.row, -1 - id) * hidden;
      embeds.set(pictures.subarray(from, from + hidden), (r * length + t) * hidden);
    }
  }
  return float32(embeds, [batch.length, length, hidden]);
}

interface Arrays {
  embeds: Tensor;
  ids: Int32Array;
  positions: Int32Array;
  mask: Int32Array;
  rows: number;
  length: number;
}

function decoderInput(port: Port, { cache }: VlmRuntime, a: Arrays): Tensor {
  const shape = [a.rows, a.length];
  if (port.name === 'inputs_embeds') return toPort(a.embeds, port);
  if (port.name === 'attention_mask') return int64(a.mask, shape);
  if (port.name === 'position_ids') return int64(a.positions, shape);
  if (port.name === 'input_ids') return int64(a.ids, shape);
  if (port.name === 'use_cache_branch') return { type: 'bool', dims: [1], data: Uint8Array.of(0) };
  if (port.name === 'num_logits_to_keep') return int64([0], port.shape.length === 0 ? [] : [1]);
  if (cacheNames(cache).some((name) => port.name === `past_key_values.${name}`)) {
    return toPort(float32(new Float32Array(0), [a.rows, cache.heads, 0, cache.dim]), port);
  }
  throw new WinnowError({
    code: 'MODEL_UNSUPPORTED',
    message: `The decoder asks for an input ${port.name}, which is not known.`,
    hint: 'Export the model with python -m winnow_worker.export.',
  });
}
