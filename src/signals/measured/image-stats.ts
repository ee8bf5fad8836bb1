import { z } from 'zod';
import type { RgbImage } from '../../models/types.ts';
import { quarantine } from '../engine/block.ts';
import { firstImages, imageLoader } from '../engine/images.ts';
import type { Signal } from '../signal.ts';

const Params = z.object({});
export type ImageStatsParams = z.infer<typeof Params>;

/** Numbers of one decoded image; see `imageStats.columns` for their units. */
export interface ImageNumbers {
  width: number;
  height: number;
  brightness: number;
  contrast: number;
  colourfulness: number;
  sharpness: number;
  entropy: number;
}

/**
 * Statistics over all pixels.
 * Luma is Rec. 601. Colourfulness is Hasler and Süsstrunk (2003): sigma of (rg, yb) + 0.3 times their mean, on 0..255.
 * Sharpness is the variance of the 4-neighbour Laplacian of luma (Pech-Pacheco et al. 2000). Entropy is of the 256-bin
 * luma histogram, bits.
 */
function imageNumbers({ width, height, data }: RgbImage): ImageNumbers {
  const pixels = width * height;
  const luma = new Float32Array(pixels);
  const histogram = new Float64Array(256);
  let [sum, squares, rg, rg2, yb, yb2] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    const y = 0.299 * r + 0.587 * g + 0.114 * b;
    luma[i] = y;
    histogram[Math.min(255, Math.round(y))]!++;
    sum += y;
    squares += y * y;
    const [d1, d2] = [r - g, 0.5 * (r + g) - b];
    rg += d1;
    rg2 += d1 * d1;
    yb += d2;
    yb2 += d2 * d2;
  }
  let [edge, edge2, inner] = [0, 0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const laplace = luma[i - 1]! + luma[i + 1]! + luma[i - width]! + luma[i + width]! - 4 * luma[i]!;
      edge += laplace;
      edge2 += laplace * laplace;
      inner++;
    }
  }
  const variance = (total: number, total2: number, n: number) =>
    n === 0 ? 0 : Math.max(0, total2 / n - (total / n) ** 2);
  const spread = Math.sqrt(variance(rg, rg2, pixels) + variance(yb, yb2, pixels));
  const entropy = histogram.reduce(
    (bits, count) => (count === 0 ? bits : bits - (count / pixels) * Math.log2(count / pixels)),
    0,
  );
  return {
    width,
    height,
    brightness: sum / pixels / 255,
    contrast: Math.sqrt(variance(sum, squares, pixels)) / 255,
    colourfulness: spread + 0.3 * Math.hypot(rg / pixels, yb / pixels),
    sharpness: variance(edge, edge2, inner),
    entropy,
  };
}

const MEASURES: Record<keyof ImageNumbers, string> = {
  width: 'pixels',
  height: 'pixels',
  brightness: 'mean luma, 0 to 1',
  contrast: 'standard deviation of luma, 0 to 0.5',
  colourfulness: 'Hasler-Süsstrunk colourfulness, 0 (grey) to about 110',
  sharpness: 'variance of the Laplacian of luma; low: blurred or empty',
  entropy: 'entropy of the luma histogram, bits, 0 to 8',
};

/** Size, brightness, contrast, colourfulness, sharpness and entropy of each sample's first image. */
export const imageStats: Signal<ImageStatsParams> = {
  name: 'image-stats',
  order: 70,
  version: 2,
  title: 'Image statistics',
  measures:
    'What can be said of an image without a model: size, light, colour, sharpness. Finds empty, blurred and odd-sized pictures.',
  source: 'Hasler and Süsstrunk 2003; Pech-Pacheco et al. 2000',
  by: ['process'],
  params: Params,
  cost: () => '1 decoding a distinct image',
  columns: () => [
    { name: 'images', kind: 'i32', measures: 'images of the sample' },
    ...(Object.keys(MEASURES) as (keyof ImageNumbers)[]).map((name) => ({
      name: `image_${name}`,
      kind: 'f32' as const,
      measures: `first image: ${MEASURES[name]}`,
    })),
  ],
  passes: () => [],
  shardRows: 2048,
  readsMedia: true,
  revision: async () => 'none',
  key: () => ({}),
  async open(_, context) {
    const load = imageLoader(context.dataset);
    return {
      async compute(batch) {
        const images = await firstImages(batch, load);
        const numbers = new Map([...images.decoded].map(([path, image]) => [path, imageNumbers(image)]));
        const column = (name: keyof ImageNumbers) => ({
          kind: 'f32' as const,
          width: 1,
          data: Float32Array.from(batch.samples, (_, i) => numbers.get(images.path(i) ?? '')?.[name] ?? Number.NaN),
        });
        return {
          columns: {
            images: {
              kind: 'i32',
              width: 1,
              data: Int32Array.from(batch.samples, (sample) => sample?.media.images.length ?? 0),
            },
            ...Object.fromEntries(
              (Object.keys(MEASURES) as (keyof ImageNumbers)[]).map((name) => [`image_${name}`, column(name)]),
            ),
          },
          quarantined: quarantine(batch, images.failure),
        };
      },
      close: async () => {},
    };
  },
};
