import pMap from 'p-map';
import type { PreparedConversation } from '../processing/types.ts';
import { float32 } from '../session.ts';
import type { BlindVariant } from '../types.ts';
import type { FeatureStore } from './features.ts';
import { type ChunkFeatures, runLossChunk } from './loss-graph.ts';
import { type Chunk, type Member, type PlanOptions, planChunks } from './plan.ts';
import type { VlmRuntime } from './runtime.ts';
import { blindSequence, multimodalSequence, type PassName, prefixLength, type Sequence } from './sequence.ts';
import { runStandardBatch } from './standard-graph.ts';

/**
 * A row ready to score; `images[i]` is the index of its image `i` among the images of all rows, -1 if no part shows it.
 */
export interface ScoreRow {
  conversation: PreparedConversation;
  images: number[];
}

export interface ScoreOptions {
  blind: readonly BlindVariant[];
  signal?: AbortSignal;
  /** Compute blind passes over the whole row, image positions kept and masked: slower, the same numbers. For tests. */
  naive?: boolean;
  plan?: Partial<PlanOptions>;
}

/** Losses of every scored token in each pass, or the reason why a run failed. */
export type RowLosses = Map<PassName, Float32Array> | Error;

/**
 * Losses of rows whose images are in the store: with images and, by `blind`, without. A row without images has the same
 * losses in every pass. Rows meet in batches by length; the same rows in the same order give the same bytes.
 */
export async function scoreRows(
  runtime: VlmRuntime,
  rows: readonly ScoreRow[],
  store: FeatureStore,
  options: ScoreOptions,
): Promise<RowLosses[]> {
  const results: RowLosses[] = rows.map(() => new Map());
  const members = rows.flatMap((row, r) => membersOf(row, r, store, runtime.decoder === 'loss', options));
  const limits: PlanOptions = {
    maxTokens: options.plan?.maxTokens ?? 1024,
    maxQueries: options.plan?.maxQueries ?? 4096,
  };
  const attempt = async (chunk: Chunk, alone: boolean): Promise<void> => {
    options.signal?.throwIfAborted();
    const sequences = chunk.batches.flat().map(({ member }) => member.sequence);
    try {
      const losses = await runChunk(runtime, chunk, rows, store, options);
      for (const [i, { row, pass }] of sequences.entries()) {
        const result = results[row]!;
        if (!(result instanceof Error)) result.set(pass, losses[i]!);
      }
    } catch (error) {
      if (alone)
        for (const { row } of sequences) results[row] = error instanceof Error ? error : new Error(String(error));
      // One bad row fails its whole batch: each is tried alone, so that only the bad one is lost.
      else for (const member of chunk.batches.flat()) await attempt(planChunks([member.member], limits)[0]!, true);
    }
  };
  await pMap(planChunks(members, limits), (chunk) => attempt(chunk, false), { concurrency: runtime.pool.size + 1 });
  for (const [r, row] of rows.entries()) {
    const result = results[r]!;
    if (row.conversation.imageBlocks.length > 0 || result instanceof Error) continue;
    for (const variant of options.blind) result.set(variant, result.get('multimodal')!);
  }
  return results;
}

function membersOf(row: ScoreRow, r: number, store: FeatureStore, fast: boolean, options: ScoreOptions): Member[] {
  const { conversation, images } = row;
  const tokens = images.map((image) => store.tokens(image));
  const whole = multimodalSequence(r, conversation, tokens);
  const past = fast ? prefixLength(whole, conversation) : 0;
  const first = images[conversation.imageBlocks[0]?.image ?? -1];
  const opening = past === 0 ? '' : `${first}:${conversation.ids.subarray(0, past).join(',')}`;
  const blind =
    conversation.imageBlocks.length === 0
      ? []
      : options.blind.map((variant) => blindSequence(r, conversation, variant));
  return [{ sequence: whole, past, opening }, ...blind.map((sequence) => ({ sequence, past: 0, opening: '' }))];
}

async function runChunk(
  runtime: VlmRuntime,
  chunk: Chunk,
  rows: readonly ScoreRow[],
  store: FeatureStore,
  options: ScoreOptions,
): Promise<Float32Array[]> {
  const sequences = chunk.batches.flat().map(({ member }) => member.sequence);
  const features = chunkFeatures(runtime, sequences, rows, store);
  if (runtime.decoder === 'loss') return runLossChunk(runtime.pool, runtime.cache, chunk, features);
  return runStandardBatch(
    runtime,
    sequences.map((sequence) => {
      if (options.naive !== true || sequence.pass !== 'masked') return { sequence };
      const { conversation } = rows[sequence.row]!;
      return { sequence: wholeRow(sequence, conversation), hidden: conversation.imageTokenMask };
    }),
    features,
  );
}

/** The masked pass with nothing left out. */
function wholeRow(sequence: Sequence, conversation: PreparedConversation): Sequence {
  const place = new Map([...sequence.positions].map((position, i) => [i, position]));
  return {
    ...sequence,
    ids: conversation.ids,
    positions: Int32Array.from(conversation.ids, (_, i) => i),
    queries: Int32Array.from(sequence.queries, (query) => place.get(query)!),
  };
}

/** The features that a chunk's rows need, end to end. */
function chunkFeatures(
  runtime: VlmRuntime,
  sequences: readonly Sequence[],
  rows: readonly ScoreRow[],
  store: FeatureStore,
): ChunkFeatures {
  const starts = new Map<number, number>();
  let total = 0;
  for (const { row, pass } of sequences) {
    if (pass !== 'multimodal') continue;
    for (const image of rows[row]!.images) {
      if (image < 0 || starts.has(image)) continue;
      starts.set(image, total);
      total += store.tokens(image);
    }
  }
  const data = new Float32Array(total * runtime.hidden);
  for (const [image, start] of starts) data.set(store.get(image), start * runtime.hidden);
  return {
    tensor: float32(data, [total, runtime.hidden]),
    place(row, k) {
      let rest = k;
      for (const image of rows[row]!.images) {
        const count = store.tokens(image);
        if (rest < count) return starts.get(image)! + rest;
        rest -= count;
      }
      throw new RangeError(`image token ${k} of row ${row} has no feature`);
    },
  };
}
