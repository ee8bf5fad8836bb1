import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../processing/decode.ts';
import { referenceFixtures, workerPython } from '../testing/fixtures.ts';
import type { RgbImage } from '../types.ts';
import { loadClip } from './clip.ts';
import { loadImageEncoder } from './image.ts';
import { loadTextEncoder } from './text.ts';

interface Case {
  texts: number[][];
  images?: number[][];
  scale?: number;
  bias?: number;
}

type Expected = { images: string[]; texts: string[] } & Record<'minilm' | 'int8' | 'clip' | 'siglip' | 'dino', Case>;

const python = workerPython();
/** The exporter's files: the graphs that are tested come out of them. */
const EXPORTER = ['text_encoders.py', 'vision.py', 'graph.py'].map((name) => `winnow_worker/export/${name}`);

/** Largest difference of a matrix from the rows expected of it. */
function largest(got: Float32Array, want: number[][]): number {
  const flat = want.flat();
  expect(got).toHaveLength(flat.length);
  return flat.reduce((worst, x, i) => Math.max(worst, Math.abs(x - got[i]!)), 0);
}

describe.skipIf(python === undefined)('encoders against transformers', () => {
  let folder: string;
  let expected: Expected;
  let pictures: RgbImage[];

  beforeAll(async () => {
    folder = await referenceFixtures(python!, 'encoders.py', EXPORTER);
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Expected;
    pictures = await Promise.all(expected.images.map((name) => decodeImage(join(folder, 'images', name))));
  }, 600_000);

  it('all-MiniLM-L6-v2: mean pooling, 256 tokens, unit length, to 1e-5', async () => {
    const encoder = await loadTextEncoder(join(folder, 'minilm'));
    const got = await encoder.encode(expected.texts);
    expect(encoder.dim).toBe(384);
    expect(largest(got, expected.minilm.texts)).toBeLessThan(1e-5);
    // Texts run in batches of their length: their order changes nothing but their place.
    const back = await encoder.encode([...expected.texts].reverse());
    expect(largest(back, [...expected.minilm.texts].reverse())).toBeLessThan(1e-5);
    expect(await encoder.encode([])).toHaveLength(0);
    await encoder.close();
  });

  it("all-MiniLM-L6-v2 in another exporter's int8 graph gives what its runtime gives in Python", async () => {
    const encoder = await loadTextEncoder(join(folder, 'int8'));
    expect(largest(await encoder.encode(expected.texts), expected.int8.texts)).toBeLessThan(1e-5);
    await encoder.close();
  });

  it.each(['clip', 'siglip'] as const)('%s: both towers and the similarity, to 1e-5', async (name) => {
    const clip = await loadClip(join(folder, name));
    const { texts, images, scale, bias } = expected[name];
    expect(largest(await clip.text.encode(expected.texts), texts)).toBeLessThan(1e-5);
    expect(largest(await clip.image.encode(pictures), images!)).toBeLessThan(1e-5);
    expect(clip.similarity?.scale).toBeCloseTo(scale!, 4);
    expect(clip.similarity?.bias).toBeCloseTo(bias!, 4);
    await clip.close();
    const image = await loadImageEncoder(join(folder, name));
    expect(largest(await image.encode(pictures.slice(3, 4)), images!.slice(3, 4))).toBeLessThan(1e-5);
    await image.close();
  });

  it('DINOv2: preprocessing, interpolated positions and the class position, to 1e-5', async () => {
    const encoder = await loadImageEncoder(join(folder, 'dino'));
    expect(encoder.dim).toBe(32);
    expect(largest(await encoder.encode(pictures), expected.dino.images!)).toBeLessThan(1e-5);
    await encoder.close();
  });

  it('a sentence encoder has no image tower, and says so', async () => {
    await expect(loadImageEncoder(join(folder, 'minilm'))).rejects.toMatchObject({ code: 'MODEL_INCOMPLETE' });
  });
});
