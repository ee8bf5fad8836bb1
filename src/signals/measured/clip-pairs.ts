import type { SampleBatch } from '../../dataset/dataset.ts';
import type { FirstImages } from '../engine/images.ts';
import { encodeFirstImages, firstImages, imageLoader } from '../engine/images.ts';
import type { SignalContext } from '../signal.ts';
import { embeddedText, noteCutTexts } from './text-embedding.ts';

/**
 * First images and texts of a batch in the shared space of a contrastive model: unit vectors of `dim` numbers, one for
 * each of `rows`.
 */
export interface ClipPairs {
  dim: number;
  rows: number[];
  images: Float32Array;
  texts: Float32Array;
  failure: FirstImages['failure'];
}

/** Opens both towers of a contrastive model. @throws WinnowError of `loadClip` */
export async function openClipPairs(
  params: { model: string; text: 'instruction' | 'response' | 'both' },
  context: SignalContext,
): Promise<{ encode(batch: SampleBatch): Promise<ClipPairs>; close(): Promise<void> }> {
  const { resolveModel } = await import('../../models/source.ts');
  const { loadClip } = await import('../../models/encoders/clip.ts');
  const clip = await loadClip(await resolveModel(params.model, context));
  const load = imageLoader(context.dataset);
  return {
    async encode(batch) {
      const found = await firstImages(batch, load);
      const { rows, vectors } = await encodeFirstImages(batch, found, clip.image, context.signal);
      const texts = await clip.text.encode(rows.map((i) => embeddedText(batch.samples[i]!, params.text)));
      return { dim: clip.image.dim, rows, images: vectors, texts, failure: found.failure };
    },
    close: () => {
      noteCutTexts(clip.text, context);
      return clip.close();
    },
  };
}
