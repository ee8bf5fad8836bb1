import type { Tokenizer } from '../processing/tokenizer.ts';
import type { Port } from '../session.ts';
import { int64, type Tensor } from '../session.ts';

/** Largest batch in texts and in positions, padding counted. */
const MAX_TEXTS = 64;
const MAX_POSITIONS = 8192;

/** Texts of similar length that run together: their places in the caller's list and their ids. */
export interface TokenBatch {
  rows: number[][];
  ids: number[][];
  length: number;
}

/** Ids of a text with the special tokens around it, cut at the end to `limit` as `truncation=True` does. */
export function frameIds(tokenizer: Tokenizer, text: string, limit: number): number[] {
  const room = limit - tokenizer.lead.length - tokenizer.tail.length;
  return [...tokenizer.lead, ...tokenizer.encode(text).slice(0, room), ...tokenizer.tail];
}

/**
 * Groups texts into batches by length (ties by row); a text that occurs several times is computed once.
 * @param fixed pads every batch to this length (SigLIP); otherwise to the longest of the batch.
 */
export function batchByLength(
  texts: readonly string[],
  tokenise: (text: string) => number[],
  fixed?: number,
): TokenBatch[] {
  const distinct = new Map<string, { rows: number[]; ids: number[] }>();
  texts.forEach((text, row) => {
    const known = distinct.get(text);
    if (known === undefined) distinct.set(text, { rows: [row], ids: tokenise(text) });
    else known.rows.push(row);
  });
  const sorted = [...distinct.values()].sort((a, b) => b.ids.length - a.ids.length || a.rows[0]! - b.rows[0]!);
  const batches: TokenBatch[] = [];
  let current: TokenBatch | undefined;
  for (const { rows, ids } of sorted) {
    // Longest first: the first text of a batch decides its length.
    const full = current !== undefined && (current.ids.length + 1) * current.length > MAX_POSITIONS;
    if (current === undefined || full || current.ids.length === MAX_TEXTS) {
      current = { rows: [], ids: [], length: fixed ?? ids.length };
      batches.push(current);
    }
    current.rows.push(rows);
    current.ids.push(ids);
  }
  return batches;
}

/** The inputs of a text graph: those that it has of `input_ids`, `attention_mask` and `token_type_ids`. */
export function textFeeds(batch: TokenBatch, padId: number, inputs: readonly Port[]): Record<string, Tensor> {
  const { ids, length } = batch;
  const dims = [ids.length, length];
  const tokens = new Int32Array(ids.length * length).fill(padId);
  const mask = new Int32Array(ids.length * length);
  ids.forEach((row, i) => {
    tokens.set(row, i * length);
    mask.fill(1, i * length, i * length + row.length);
  });
  const values: Record<string, Int32Array> = {
    input_ids: tokens,
    attention_mask: mask,
    token_type_ids: new Int32Array(ids.length * length),
  };
  const feeds: Record<string, Tensor> = {};
  for (const { name } of inputs) if (values[name] !== undefined) feeds[name] = int64(values[name], dims);
  return feeds;
}

/**
 * How many texts of some batches were cut: of those that fill the limit, the ones that are longer.
 * @param length tokens of the text of a row, without the special tokens around it
 */
export function countCut(
  batches: readonly TokenBatch[],
  limit: number,
  length: (row: number) => number,
  { lead, tail }: Tokenizer,
): number {
  let cut = 0;
  for (const { rows, ids } of batches) {
    ids.forEach((one, i) => {
      if (one.length >= limit && length(rows[i]![0]!) + lead.length + tail.length > limit) cut += rows[i]!.length;
    });
  }
  return cut;
}
