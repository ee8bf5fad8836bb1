import { WinnowError } from '../../base/errors.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { ImageTokens } from './image-tokens.ts';
import { responseSpans } from './labels.ts';
import { type ChatTemplate, chatMessages } from './template.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { PreparedConversation, ProcessedImage } from './types.ts';

/** What of a model is needed to write a conversation for it. */
export interface ConversationParts {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  imageTokens: ImageTokens;
}

/**
 * Writes a sample as token ids: renders the chat template, tokenises, finds the assistant's spans, and expands each
 * image's placeholder. Expansion works on ids: the placeholder is a token of its own, so that the ids around it are the
 * same as if the text had been expanded first.
 * @param images processed images by their index in `sample.media.images`.
 * @throws WinnowError `IMAGE_TOKEN_COUNT`, `NO_RESPONSE`, `VIDEO_UNSUPPORTED`, and those of the template.
 */
export function prepareConversation(
  sample: Sample,
  images: readonly (ProcessedImage | undefined)[],
  { tokenizer, template, imageTokens }: ConversationParts,
): PreparedConversation {
  const messages = chatMessages(sample, template, imageTokens.text);
  const text = template.render(messages, false);
  const ids = tokenizer.encode(text);
  const order = imageOrder(sample, ids, imageTokens);
  const spans = responseSpans(messages, ids, template, tokenizer);
  // A template that writes BOS itself gets none from the tokenizer, as in the processors' apply_chat_template.
  const framed = !(tokenizer.special.bos_token !== undefined && text.startsWith(tokenizer.special.bos_token));
  const pieces = ids.map((id) => (id === imageTokens.id ? undefined : id));
  return assemble(sample, pieces, spans, framed ? tokenizer : undefined, order, images, imageTokens);
}

/** The sample's image of every placeholder, in order. */
function imageOrder(sample: Sample, ids: readonly number[], imageTokens: ImageTokens): number[] {
  const order = sample.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
  const found = ids.filter((id) => id === imageTokens.id).length;
  if (found !== order.length) {
    throw new WinnowError({
      code: 'IMAGE_TOKEN_COUNT',
      message: `The conversation has ${order.length} images and ${found} ${imageTokens.text} tokens.`,
      where: { id: sample.id },
      hint: `Remove ${imageTokens.text} from the texts, or use a chat template that writes images.`,
    });
  }
  return order;
}

function assemble(
  sample: Sample,
  pieces: readonly (number | undefined)[],
  spans: readonly { start: number; end: number }[],
  frame: Tokenizer | undefined,
  order: readonly number[],
  images: readonly (ProcessedImage | undefined)[],
  imageTokens: ImageTokens,
): PreparedConversation {
  const ids: number[] = [...(frame?.lead ?? [])];
  const at = new Int32Array(pieces.length + 1);
  const imageSpans: PreparedConversation['imageSpans'] = [];
  const imageBlocks: PreparedConversation['imageBlocks'] = [];
  let next = 0;
  pieces.forEach((piece, i) => {
    at[i] = ids.length;
    if (piece !== undefined) {
      ids.push(piece);
      return;
    }
    const image = order[next++]!;
    const processed = images[image];
    if (processed === undefined) {
      throw new WinnowError({
        code: 'IMAGE_MISSING',
        message: `The conversation refers to image ${image}, which the sample doesn't have.`,
        where: { id: sample.id },
        hint: 'Check the row: it has more image marks than images.',
      });
    }
    const start = ids.length;
    for (const id of imageTokens.expand(processed)) ids.push(id);
    imageBlocks.push({ image, start, end: ids.length });
    imageSpans.push(...runsOf(ids, imageTokens.id, start).map((run) => ({ image, ...run })));
  });
  at[pieces.length] = ids.length;
  if (frame !== undefined) ids.push(...frame.tail);

  const response = new Uint8Array(ids.length);
  for (const { start, end } of spans) response.fill(1, at[start]!, at[end]!);
  for (const { start, end } of imageBlocks) response.fill(0, start, end);
  for (let i = 0; i < ids.length; i++) if (imageTokens.never.has(ids[i]!)) response[i] = 0;
  if (!response.includes(1)) {
    throw new WinnowError({
      code: 'NO_RESPONSE',
      message: 'The sample has no assistant text, so nothing of it can be scored.',
      where: { id: sample.id },
      hint: 'Drop the row.',
    });
  }
  const imageTokenMask = new Uint8Array(ids.length);
  for (const { start, end } of imageSpans) imageTokenMask.fill(1, start, end);
  return { ids: Int32Array.from(ids), response, imageTokenMask, imageSpans, imageBlocks };
}

/** Maximal runs of one id from a position on. */
function runsOf(ids: readonly number[], id: number, from: number): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (let i = from; i < ids.length; i++) {
    if (ids[i] !== id) continue;
    const start = i;
    while (ids[i] === id) i++;
    runs.push({ start, end: i });
  }
  return runs;
}
