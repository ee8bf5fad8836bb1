import { z } from 'zod';
import type { Signal } from '../signal.ts';
import { imageEmbedding } from './image-embedding.ts';
import { encoderParams } from './worker-params.ts';

const Params = z.object({
  encoder: z
    .string()
    .default('onnx-community/dinov2-base')
    .describe('self-supervised image encoder (DINO, DINOv2): a folder with its ONNX graph, or a hub id'),
  ...encoderParams,
});

/** A self-supervised embedding of each sample's first image (TypiClust, PreSel): measured as `image-embedding` is. */
export const dino: Signal<z.infer<typeof Params>> = {
  ...imageEmbedding,
  name: 'dino',
  order: 40,
  title: 'DINO embedding',
  measures:
    'The class position of a self-supervised image encoder for the first image, a unit vector. Nothing without one.',
  source: 'DINOv2 (arXiv 2304.07193); its base size in PreSel (arXiv 2411.16331)',
  params: Params,
  // The project's image encoder is the one of `image-embedding`.
  projectDefaults: undefined,
  columns: () => [{ name: 'dino', kind: 'f32', width: 0, measures: 'unit embedding of the first image, no unit' }],
  async open(params, context) {
    const run = await imageEmbedding.open!(params, context);
    return {
      async compute(batch) {
        const { columns, quarantined } = await run.compute(batch);
        return { columns: { dino: columns.image! }, quarantined };
      },
      close: () => run.close(),
    };
  },
};
