import { z } from 'zod';
import { quarantine, scatter } from '../engine/block.ts';
import { PASSES } from '../engine/cost-model.ts';
import { encodeFirstImages, firstImages, imageLoader } from '../engine/images.ts';
import type { Signal } from '../signal.ts';
import { encodedBy, encoderParams, encoderRevision, ofDtype } from './worker-params.ts';

const Params = z.object({
  encoder: z
    .string()
    .default('micro-clip')
    .describe('Image encoder (CLIP, SigLIP or DINO): a shipped name, a folder, or a hub id'),
  ...encoderParams,
});
export type ImageEmbeddingParams = z.infer<typeof Params>;

/**
 * An embedding of each sample's first image, L2-normalised. An image that several samples share is encoded once a
 * shard.
 */
export const imageEmbedding: Signal<ImageEmbeddingParams> = {
  name: 'image-embedding',
  order: 30,
  version: 2,
  title: 'Image embedding',
  measures: 'A unit vector per sample for its first image. Rows without an image have none (NaN).',
  source: 'CLIP (Radford et al. 2021), SigLIP (Zhai et al. 2023)',
  by: ['process', 'worker'],
  params: Params,
  cost: () => '1 image encoding a distinct image',
  columns: () => [{ name: 'image', kind: 'f32', width: 0, measures: 'unit embedding of the first image, no unit' }],
  passes: () => [PASSES.imageEncoder],
  projectDefaults: ({ imageEncoder }) => ({ encoder: imageEncoder }),
  shardRows: 2048,
  readsMedia: true,
  chosen: (params, context) => encodedBy(params.encoder, params, context),
  revision: (params, context) => encoderRevision(params.encoder, params, context),
  key: ofDtype,
  async open(params, context) {
    const { resolveModel } = await import('../../models/source.ts');
    const { loadImageEncoder } = await import('../../models/encoders/image.ts');
    const encoder = await loadImageEncoder(await resolveModel(params.encoder, context));
    const load = imageLoader(context.dataset);
    return {
      async compute(batch) {
        const images = await firstImages(batch, load);
        const { rows, vectors } = await encodeFirstImages(batch, images, encoder, context.signal);
        return {
          columns: { image: scatter(batch.samples.length, encoder.dim, rows, vectors) },
          quarantined: quarantine(batch, images.failure),
        };
      },
      close: () => encoder.close(),
    };
  },
};
