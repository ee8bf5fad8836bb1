import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ProcessedImage } from '../processing/types.ts';
import { openRuntime } from './runtime.ts';
import { createFeatureStore } from './features.ts';
import { type ScoreRow, scoreRows } from './score.ts';

const FOLDER = process.env.FX ?? '/tmp/ort/fx';
const fams = ['llava-llama', 'llava-mistral', 'llava-qwen2', 'llava-siglip', 'idefics3', 'smolvlm'];
describe.each(fams)('%s', (fam) => {
  test.each([false, true])('standard %s', async (standard) => {
    const folder = `${FOLDER}/${fam}`;
    const spec = JSON.parse(readFileSync(`${folder}/cases.json`, 'utf8'));
    const raw = readFileSync(`${folder}/pixels.f32`);
    const all = new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4);
    let at = 0;
    const images: ProcessedImage[] = spec.images.map((im: any) => {
      const n = im.tiles * 3 * im.size * im.size;
      const pixelValues = all.slice(at, at + n);
      at += n;
      const out: ProcessedImage = { pixelValues, dims: [im.tiles, 3, im.size, im.size], tokens: im.tokens };
      if (im.mask) {
        out.pixelMask = new Uint8Array(im.tiles * im.size * im.size);
        for (let t = 0; t < im.tiles; t++) for (let y = 0; y < im.mask.height; y++) for (let x = 0; x < im.mask.width; x++) out.pixelMask[(t * im.size + y) * im.size + x] = 1;
      }
      return out;
    });
    const rows: ScoreRow[] = spec.cases.map((c: any) => {
      const imageTokenMask = new Uint8Array(c.ids.length);
      for (const s of c.spans) imageTokenMask.fill(1, s.start, s.end);
      return { images: c.images, conversation: { ids: Int32Array.from(c.ids), response: Uint8Array.from(c.response), imageTokenMask, imageSpans: c.spans, imageBlocks: c.blocks } };
    });
    const runtime = await openRuntime(folder, { standard });
    const store = createFeatureStore(runtime);
    for (const [i, im] of images.entries()) await store.push(i, im);
    await store.settle();
    const got = await scoreRows(runtime, rows, store, { blind: ['masked', 'drop', 'remove'] });
    for (const naive of standard ? [false, true] : [false]) {
      const got = await scoreRows(runtime, rows, store, { blind: ['masked', 'drop', 'remove'], naive });
      const worst: Record<string, number> = {};
      for (const [r, c] of spec.cases.entries()) {
        const res = got[r]!;
        if (res instanceof Error) throw res;
        for (const pass of ['multimodal', 'masked', 'drop', 'remove'] as const) {
          const want = c.losses[pass];
          const have = res.get(pass)!;
          expect(have.length).toBe(want.length);
          for (let i = 0; i < want.length; i++) worst[pass] = Math.max(worst[pass] ?? 0, Math.abs(have[i]! - want[i]));
        }
      }
      console.log(fam, standard, naive, worst);
    }
    await runtime.pool.close();
  });
});
