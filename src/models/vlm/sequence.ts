import type { PreparedConversation } from '../processing/types.ts';
import type { BlindVariant } from '../types.ts';

export type PassName = 'multimodal' | BlindVariant;

/** One row as one pass sees it: only what can be attended to, each at its own position. */
export interface Sequence {
  row: number;
  pass: PassName;
  /** Token ids; `-1 - k` stands for the `k`-th image token of the row's images laid end to end. */
  ids: Int32Array;
  positions: Int32Array;
  /** Index into `ids` of the position whose logits predict each trained token. */
  queries: Int32Array;
  /** The trained tokens. */
  labels: Int32Array;
}

/**
 * Positions whose loss is measured: the trained ones that some text precedes. The same in every pass, so that a row's
 * losses are means over the same tokens. (A response never opens a row in any chat template.)
 */
export function scoredPositions(conversation: PreparedConversation): number[] {
  const { response, imageBlocks } = conversation;
  let first = 0;
  for (const block of imageBlocks) if (block.start === first) first = block.end;
  const scored: number[] = [];
  for (let t = first + 1; t < response.length; t++) if (response[t] === 1) scored.push(t);
  return scored;
}

/** The row with its images. `tokens[i]` is the number of tokens of the row's image `i`. */
export function multimodalSequence(row: number, conversation: PreparedConversation, tokens: number[]): Sequence {
  const ids = Int32Array.from(conversation.ids);
  const bases = tokens.map((_, i) => tokens.slice(0, i).reduce((sum, n) => sum + n, 0));
  const seen = tokens.map(() => 0);
  for (const { image, start, end } of conversation.imageSpans) {
    // An image that is shown twice has its features twice, from the first again.
    for (let t = start; t < end; t++) ids[t] = -1 - (bases[image]! + (seen[image]!++ % tokens[image]!));
  }
  const scored = scoredPositions(conversation);
  return {
    row,
    pass: 'multimodal',
    ids,
    positions: Int32Array.from(ids, (_, i) => i),
    queries: Int32Array.from(scored, (t) => t - 1),
    labels: Int32Array.from(scored, (t) => conversation.ids[t]!),
  };
}

/**
 * The row without its images. What is masked is left out, which changes nothing: nobody attends to it, and text keeps
 * its position ids. `masked` hides image tokens only; the words around an image's tiles (Idefics3) are text and stay.
 * `drop` replaces each image's whole expansion by one masked slot, `remove` by nothing: text after it moves forward.
 * A token right after an image is predicted from the last position that is left.
 */
export function blindSequence(row: number, conversation: PreparedConversation, variant: BlindVariant): Sequence {
  const { ids, imageTokenMask, imageBlocks } = conversation;
  const hidden = variant === 'masked' ? imageTokenMask : blockMask(ids.length, imageBlocks);
  const keptUpTo = new Int32Array(ids.length + 1);
  const kept: number[] = [];
  const positions: number[] = [];
  let gone = 0;
  let block = 0;
  for (let t = 0; t < ids.length; t++) {
    if (variant !== 'masked' && imageBlocks[block]?.start === t) {
      gone += imageBlocks[block]!.end - t - (variant === 'drop' ? 1 : 0);
      block++;
    }
    if (hidden[t] === 0) {
      kept.push(ids[t]!);
      positions.push(t - gone);
    }
    keptUpTo[t + 1] = kept.length;
  }
  const scored = scoredPositions(conversation);
  return {
    row,
    pass: variant,
    ids: Int32Array.from(kept),
    positions: Int32Array.from(positions),
    queries: Int32Array.from(scored, (t) => keptUpTo[t]! - 1),
    labels: Int32Array.from(scored, (t) => ids[t]!),
  };
}

function blockMask(length: number, blocks: { start: number; end: number }[]): Uint8Array {
  const mask = new Uint8Array(length);
  for (const { start, end } of blocks) mask.fill(1, start, end);
  return mask;
}

/**
 * Length of the opening that rows asking about the same image have in common: everything up to the end of the first
 * image. 0 where there is no image, or a trained token depends on the opening itself.
 */
export function prefixLength(sequence: Sequence, conversation: PreparedConversation): number {
  const first = conversation.imageBlocks[0];
  if (first === undefined || sequence.pass !== 'multimodal') return 0;
  const query = sequence.queries[0] ?? first.end;
  return query >= first.end && sequence.ids.length > first.end ? first.end : 0;
}
