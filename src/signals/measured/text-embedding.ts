import { z } from 'zod';
import { WinnowError } from '../../base/errors.ts';
import { instructionOf, responseOf, type Sample } from '../../dataset/sample.ts';
import type { TextEncoder } from '../../models/types.ts';
import { scatter } from '../engine/block.ts';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal, SignalContext } from '../signal.ts';
import { encodedBy, encoderParams, encoderRevision, ofDtype } from './worker-params.ts';

const Params = z.object({
  encoder: z
    .string()
    .default('lexical')
    .describe(
      'Sentence encoder: lexical (hashed TF-IDF, offline), a folder, or a hub id such as sentence-transformers/all-MiniLM-L6-v2',
    ),
  text: z
    .enum(['instruction', 'response', 'both'])
    .default('instruction')
    .describe('What is embedded: the first user turn (VisNec), the assistant turns, or both'),
  ...encoderParams,
});
export type TextEmbeddingParams = z.infer<typeof Params>;

/** The text that is embedded: placeholders are no part of it, newlines become spaces (VisNec 3.1). */
export function embeddedText(sample: Sample, what: TextEmbeddingParams['text']): string {
  const parts =
    what === 'instruction'
      ? [instructionOf(sample)]
      : what === 'response'
        ? [responseOf(sample)]
        : [instructionOf(sample), responseOf(sample)];
  return parts.join(' ').replace(/\s+/g, ' ').trim();
}

/** Says how many texts were longer than an encoder reads. */
export function noteCutTexts(encoder: TextEncoder, { project }: SignalContext): void {
  const cut = encoder.cut?.() ?? 0;
  if (cut === 0) return;
  const many = cut === 1 ? '1 text is' : `${cut} texts are`;
  project?.note(`${many} longer than the ${encoder.limit} tokens that ${encoder.name} reads; the rest was cut off.`);
}

async function* corpus(context: SignalContext, what: TextEmbeddingParams['text']): AsyncIterable<string> {
  for await (const batch of context.dataset.batches()) {
    for (const sample of batch.samples) if (sample !== null) yield embeddedText(sample, what);
  }
}

async function openEncoder(params: TextEmbeddingParams, context: SignalContext): Promise<TextEncoder> {
  const { fitLexical, loadTextEncoder } = await import('../../models/encoders/text.ts');
  if (params.encoder === 'lexical') return fitLexical(corpus(context, params.text));
  const { resolveModel } = await import('../../models/source.ts');
  return loadTextEncoder(await resolveModel(params.encoder, context));
}

/** The lexical encoder is fitted here. @throws WinnowError `OPTION_INVALID` */
async function chosen(params: TextEmbeddingParams, context: SignalContext): Promise<'process' | 'worker'> {
  if (params.encoder !== 'lexical') return encodedBy(params.encoder, params, context);
  if (params.by !== 'worker' && params.dtype === 'float32') return 'process';
  throw new WinnowError({
    code: 'OPTION_INVALID',
    message: 'The lexical encoder is no model: it is fitted in this process, in float32.',
    hint: 'Leave out --by and --dtype, or name another --encoder.',
    exitCode: 2,
  });
}

/** An embedding of each sample's text, L2-normalised: what VisNec clusters. */
export const textEmbedding: Signal<TextEmbeddingParams> = {
  name: 'text-embedding',
  order: 20,
  version: 2,
  title: 'Text embedding',
  measures:
    'A unit vector per sample for its instruction (or response). Samples that ask similar things lie close together.',
  source:
    'VisNec 3.1 uses all-MiniLM-L6-v2; `lexical` is hashed TF-IDF of words and word pairs, which knows words and not meanings',
  by: ['process', 'worker'],
  params: Params,
  cost: (params) =>
    params.encoder === 'lexical' ? '2 readings of the text, no model' : '1 pass of the sentence encoder',
  columns: (params) => [
    { name: params.text, kind: 'f32', width: 0, measures: `unit embedding of the ${params.text}, no unit` },
  ],
  passes: () => [PASSES.textEncoder],
  variants: [{ text: 'response' }, { text: 'both' }],
  projectDefaults: ({ encoder }) => ({ encoder }),
  shardRows: 4096,
  readsMedia: false,
  chosen,
  async revision(params, context) {
    // The lexical encoder's numbers depend on the document counts of the whole data set.
    if (params.encoder === 'lexical') return `lexical-${context.dataset.hash}`;
    return encoderRevision(params.encoder, params, context);
  },
  key: (params) => ({ text: params.text, ...ofDtype(params) }),
  async open(params, context) {
    const encoder = await openEncoder(params, context);
    return {
      async compute(batch) {
        const rows = batch.samples.flatMap((sample, i) => (sample === null ? [] : [i]));
        const vectors = await encoder.encode(
          rows.map((i) => embeddedText(batch.samples[i]!, params.text)),
          { signal: context.signal },
        );
        return {
          columns: { [params.text]: scatter(batch.samples.length, encoder.dim, rows, vectors) },
          quarantined: [],
        };
      },
      close: () => {
        noteCutTexts(encoder, context);
        return encoder.close();
      },
    };
  },
};
