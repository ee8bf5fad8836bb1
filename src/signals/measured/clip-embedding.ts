import { z } from 'zod';
import { quarantine, scatter } from '../engine/block.ts';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { openClipPairs } from './clip-pairs.ts';
import { encodedBy, encoderParams, encoderRevision, ofDtype } from './worker-params.ts';

const Params = z.object({
  model: z
    .string()
    .default('micro-clip')
    .describe('CLIP or SigLIP model with both towers: a shipped name, a folder, or a hub id'),
  text: z
    .enum(['instruction', 'response', 'both'])
    .default('both')
    .describe('Text that is embedded: both is the whole conversation, cut where the model ends (Self-Filter, CoIDO)'),
  ...encoderParams,
});

/** Both embeddings of a contrastive model: what the scorers of Self-Filter and CoIDO see. */
export const clipEmbedding: Signal<z.infer<typeof Params>> = {
  name: 'clip-embedding',
  order: 50,
  version: 2,
  title: 'CLIP embeddings',
  measures: 'Unit vectors of the first image and of the text in the shared space. Nothing without an image.',
  source: 'CLIP (Radford et al. 2021); as features of Self-Filter (arXiv 2402.12501) and CoIDO (arXiv 2510.17847)',
  by: ['process', 'worker'],
  params: Params,
  cost: () => '1 image encoding and 1 text encoding a sample',
  columns: () => [
    { name: 'clip_image', kind: 'f32', width: 0, measures: 'unit embedding of the first image, no unit' },
    { name: 'clip_text', kind: 'f32', width: 0, measures: 'unit embedding of the text, no unit' },
  ],
  passes: () => [PASSES.clip],
  shardRows: 2048,
  readsMedia: true,
  chosen: (params, context) => encodedBy(params.model, params, context),
  revision: (params, context) => encoderRevision(params.model, params, context),
  key: (params) => ({ text: params.text, ...ofDtype(params) }),
  async open(params, context) {
    const pairs = await openClipPairs(params, context);
    return {
      async compute(batch) {
        const { dim, rows, images, texts, failure } = await pairs.encode(batch);
        const place = (values: Float32Array) => scatter(batch.samples.length, dim, rows, values);
        return {
          columns: { clip_image: place(images), clip_text: place(texts) },
          quarantined: quarantine(batch, failure),
        };
      },
      close: pairs.close,
    };
  },
};
