import { z } from 'zod';
import { quarantine, scatter } from './block.ts';
import { encodeFirstImages, firstImages, imageLoader } from './images.ts';
import type { Signal } from './signal.ts';
import { embeddedText } from './text-embedding.ts';
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
  version: 1,
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
  shardRows: 2048,
  readsMedia: true,
  chosen: (params, context) => encodedBy(params.model, params, context),
  revision: (params, context) => encoderRevision(params.model, params, context),
  key: (params) => ({ text: params.text, ...ofDtype(params) }),
  async open(params, context) {
    const { resolveModel } = await import('../models/source.ts');
    const { loadClip } = await import('../models/encoders/clip.ts');
    const clip = await loadClip(await resolveModel(params.model, context));
    const load = imageLoader(context.dataset);
    return {
      async compute(batch) {
        const images = await firstImages(batch, load);
        const { rows, vectors } = await encodeFirstImages(batch, images, clip.image, context.signal);
        const texts = await clip.text.encode(rows.map((i) => embeddedText(batch.samples[i]!, params.text)));
        const place = (values: Float32Array) => scatter(batch.samples.length, clip.image.dim, rows, values);
        return {
          columns: { clip_image: place(vectors), clip_text: place(texts) },
          quarantined: quarantine(batch, images.failure),
        };
      },
      close: () => clip.close(),
    };
  },
};
