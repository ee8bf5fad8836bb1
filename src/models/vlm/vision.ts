import { toFloats, toPort } from '../half.ts';
import type { ProcessedImage } from '../processing/types.ts';
import type { Tensor } from '../session.ts';
import type { VlmRuntime } from './runtime.ts';

/**
 * Features of images, one array each: `[tokens, hidden]` row-major, tiles end to end. Images whose tiles have the same
 * size are encoded together.
 *
 * @throws Error when the encoder gives another number of features than the image's tokens.
 */
export async function encodeImages(runtime: VlmRuntime, images: readonly ProcessedImage[]): Promise<Float32Array[]> {
  const out: Float32Array[] = new Array(images.length);
  const groups = new Map<string, number[]>();
  for (const [i, image] of images.entries()) {
    const key = image.dims.slice(1).join('x');
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  for (const members of groups.values()) {
    const batch = members.map((i) => images[i]!);
    const features = await encodeBatch(runtime, batch);
    let at = 0;
    for (const i of members) {
      const size = images[i]!.tokens * runtime.hidden;
      out[i] = features.slice(at, at + size);
      at += size;
    }
    if (at !== features.length) {
      throw new Error(
        `the vision encoder gave ${features.length / runtime.hidden} features for ${at / runtime.hidden} image tokens`,
      );
    }
  }
  return out;
}

async function encodeBatch(runtime: VlmRuntime, images: readonly ProcessedImage[]): Promise<Float32Array> {
  const { pixels, mask, output } = runtime.vision;
  const tiles = images.reduce((sum, image) => sum + image.dims[0]!, 0);
  const [, channels, height, width] = images[0]!.dims as [number, number, number, number];
  const values = new Float32Array(tiles * channels * height * width);
  const real = new Uint8Array(mask === undefined ? 0 : tiles * height * width).fill(1);
  let at = 0;
  for (const image of images) {
    values.set(image.pixelValues, at);
    if (mask !== undefined && image.pixelMask !== undefined) real.set(image.pixelMask, at / channels);
    at += image.pixelValues.length;
  }
  // Tiles are independent, so all of them may go as the tiles of one row.
  const lead = pixels.shape.length === 5 ? [1, tiles] : [tiles];
  const feeds: Record<string, Tensor> = {
    pixel_values: toPort({ type: 'float32', dims: [...lead, channels, height, width], data: values }, pixels),
  };
  if (mask !== undefined) {
    feeds.pixel_attention_mask = toPort({ type: 'bool', dims: [...lead, height, width], data: real }, mask);
  }
  const step = { graph: 'vision_encoder', feeds, outputs: [output] };
  const [features] = await runtime.pool.run([step], [{ step: 0, output }]);
  return toFloats(features!);
}
