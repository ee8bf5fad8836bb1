import { z } from 'zod';
import { quarantine, scatter } from '../engine/block.ts';
import { PASSES } from '../engine/cost-model.ts';
import type { Signal } from '../signal.ts';
import { openClipPairs } from './clip-pairs.ts';

const Params = z.object({
  model: z
    .string()
    .default('micro-clip')
    .describe('CLIP or SigLIP model with both towers: a shipped name, a folder, or a hub id'),
  text: z
    .enum(['instruction', 'response', 'both'])
    .default('response')
    .describe('Text compared with the image: response (captions), instruction, or both'),
});
export type ClipScoreParams = z.infer<typeof Params>;

/** Cosine of image and text in the shared space of a contrastive model (spec: CLIP-Score, section 8). */
export const clipScore: Signal<ClipScoreParams> = {
  name: 'clip-score',
  order: 60,
  version: 2,
  title: 'CLIP score',
  measures: 'Cosine similarity between the first image and the text. High: the text names what is in the picture.',
  source: 'Hessel et al. 2021 (the cosine itself; their 2.5 x max(0, cos) is a monotone rescaling)',
  by: ['process'],
  params: Params,
  cost: () => '1 image encoding and 1 text encoding a sample',
  columns: () => [{ name: 'clip_score', kind: 'f32', measures: 'cosine of image and text, -1 to 1' }],
  passes: () => [PASSES.clip],
  shardRows: 2048,
  readsMedia: true,
  async revision(params, context) {
    const { resolveModel } = await import('../../models/source.ts');
    return (await resolveModel(params.model, context)).revision;
  },
  key: (params) => ({ text: params.text }),
  async open(params, context) {
    const pairs = await openClipPairs(params, context);
    return {
      async compute(batch) {
        const { dim, rows, images, texts, failure } = await pairs.encode(batch);
        const cosines = rows.map((_, j) => {
          let dot = 0;
          for (let c = j * dim; c < (j + 1) * dim; c++) dot += images[c]! * texts[c]!;
          return dot;
        });
        return {
          columns: { clip_score: scatter(batch.samples.length, 1, rows, Float32Array.from(cosines)) },
          quarantined: quarantine(batch, failure),
        };
      },
      close: pairs.close,
    };
  },
};
