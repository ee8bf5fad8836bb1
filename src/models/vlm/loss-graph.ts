import { float32, int64, type SessionPool, type Step, type StepOutput, type Tensor } from '../session.ts';
import type { Chunk, Member } from './plan.ts';

/** Sizes of a decoder's keys and values, read from its graph. */
export interface CacheShape {
  layers: number;
  heads: number;
  dim: number;
}

/** Features of a chunk's images laid end to end, and where a row's own image tokens lie in them. */
export interface ChunkFeatures {
  /** `[features, hidden]` */
  tensor: Tensor;
  /** Index into the features of the `k`-th image token of a row. */
  place(row: number, k: number): number;
}

/**
 * Run one chunk through `decoder_prefix` and `decoder_loss`: keys and values of the openings are computed once, stay in
 * the thread, and are picked by each row. Returns the losses of every member, in the order of `chunk.batches.flat()`.
 */
export async function runLossChunk(
  pool: SessionPool,
  cache: CacheShape,
  chunk: Chunk,
  features: ChunkFeatures,
): Promise<Float32Array[]> {
  const steps: Step[] = [];
  if (chunk.past > 0) steps.push(prefixStep(chunk, features, cache));
  const past = pastFeeds(chunk, cache);
  for (const batch of chunk.batches) steps.push(lossStep(batch, chunk.past, features, past));
  const first = steps.length - chunk.batches.length;
  const fetched = await pool.run(
    steps,
    chunk.batches.map((_, i) => ({ step: first + i, output: 'losses' })),
  );
  return chunk.batches.flatMap((batch, i) => {
    const losses = fetched[i]!.data as Float32Array;
    let at = 0;
    return batch.map(({ member }) => {
      const from = at;
      at += member.sequence.labels.length;
      return losses.slice(from, at);
    });
  });
}

function prefixStep(chunk: Chunk, features: ChunkFeatures, cache: CacheShape): Step {
  const rows = chunk.openings.length;
  const ids = new Int32Array(rows * chunk.past);
  const positions = new Int32Array(rows * chunk.past);
  for (const [r, member] of chunk.openings.entries())
    fill(ids, positions, r * chunk.past, member, 0, chunk.past, features);
  const dims = [rows, chunk.past];
  return {
    graph: 'decoder_prefix',
    feeds: { input_ids: int64(ids, dims), image_features: features.tensor, position_ids: int64(positions, dims) },
    outputs: cacheNames(cache).map((name) => `present.${name}`),
  };
}

function pastFeeds(chunk: Chunk, cache: CacheShape): Record<string, Tensor | StepOutput> {
  const empty = float32(new Float32Array(0), [1, cache.heads, 0, cache.dim]);
  return Object.fromEntries(
    cacheNames(cache).map((name) => [
      `past_key_values.${name}`,
      chunk.past > 0 ? { step: 0, output: `present.${name}` } : empty,
    ]),
  );
}

function lossStep(
  batch: Chunk['batches'][number],
  past: number,
  features: ChunkFeatures,
  pastFeed: Record<string, Tensor | StepOutput>,
): Step {
  const rows = batch.length;
  const length = Math.max(...batch.map(({ member }) => member.sequence.ids.length - past));
  const queries = Math.max(...batch.map(({ member }) => member.sequence.queries.length));
  const ids = new Int32Array(rows * length);
  const positions = new Int32Array(rows * length);
  const queryIndex = new Int32Array(rows * queries);
  const tokenIndex: number[] = [];
  const labels: number[] = [];
  for (const [r, { member }] of batch.entries()) {
    const { sequence } = member;
    fill(ids, positions, r * length, member, past, sequence.ids.length, features);
    for (const [i, query] of sequence.queries.entries()) {
      queryIndex[r * queries + i] = query - past;
      tokenIndex.push(r * queries + i);
      labels.push(sequence.labels[i]!);
    }
  }
  return {
    graph: 'decoder_loss',
    feeds: {
      input_ids: int64(ids, [rows, length]),
      image_features: features.tensor,
      position_ids: int64(positions, [rows, length]),
      past_index: int64(
        batch.map(({ opening }) => opening),
        [rows],
      ),
      query_index: int64(queryIndex, [rows, queries]),
      token_index: int64(tokenIndex, [tokenIndex.length]),
      labels: int64(labels, [labels.length]),
      ...pastFeed,
    },
    outputs: ['losses'],
  };
}

/**
 * Copy a member's tokens `[from, to)` to `at`; what is left of the row stays token 0 at position 0, which nobody sees.
 */
function fill(
  ids: Int32Array,
  positions: Int32Array,
  at: number,
  member: Member,
  from: number,
  to: number,
  features: ChunkFeatures,
): void {
  const { sequence } = member;
  for (let t = from; t < to; t++) {
    const id = sequence.ids[t]!;
    ids[at + t - from] = id >= 0 ? id : -1 - features.place(sequence.row, -1 - id);
    positions[at + t - from] = sequence.positions[t]!;
  }
}

export function cacheNames(cache: CacheShape): string[] {
  return Array.from({ length: cache.layers }, (_, i) => [`${i}.key`, `${i}.value`]).flat();
}
