import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sample } from '../../dataset/sample.ts';
import type { LossRequest, RgbImage, VlmModel } from '../types.ts';
import { loadVlm } from './load.ts';

const FOLDER = fileURLToPath(new URL('../../../models/micro-vlm', import.meta.url));

function sample(id: string, question: string, answer: string, images: string[] = []): Sample {
  const shown = images.map((_, image) => ({ type: 'image' as const, image }));
  return {
    id,
    messages: [
      { role: 'user', parts: [...shown, { type: 'text', text: question }] },
      { role: 'assistant', parts: [{ type: 'text', text: answer }] },
    ],
    media: { images: images.map((path) => ({ path })), videos: [] },
    meta: {},
  };
}

function picture(tone: number): RgbImage {
  return { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).map((_, i) => (i * tone) % 256) };
}

const SAMPLES = [
  sample('a', 'What color is the circle?', 'red', ['1.png']),
  sample('b', 'How many squares are there?', 'two', ['1.png']),
  sample('text', 'Say a word.', 'word'),
  sample('lost', 'What is this?', 'a square', ['missing.png']),
  sample('two', 'Which is larger?', 'the first one', ['1.png', '2.png']),
  sample('long', 'word '.repeat(2000), 'word'),
  sample('mute', 'What is this?', '', ['2.png']),
];

describe.skipIf(!existsSync(FOLDER))('a model from its folder', () => {
  let model: VlmModel;
  let reads: string[] = [];
  const loadImage = async (path: string): Promise<RgbImage> => {
    reads.push(path);
    if (path === 'missing.png') throw Object.assign(new Error('missing.png is not there'), { code: 'IMAGE_MISSING' });
    return picture(Number.parseInt(path, 10) * 7);
  };
  const losses = (request: Partial<LossRequest> = {}) =>
    model.losses({ samples: SAMPLES, loadImage, blind: ['masked', 'drop', 'remove'], ...request });
  beforeAll(async () => {
    model = await loadVlm(FOLDER, { workers: 2 });
  });
  afterAll(() => model.close());

  test('losses come in order, and a bad row says why without ending the run', async () => {
    const got = await losses();
    expect(got.map((loss) => (loss.ok ? 'ok' : loss.code))).toEqual([
      'ok',
      'ok',
      'ok',
      'IMAGE_MISSING',
      'ok',
      'TOO_LONG',
      'ok',
    ]);
    for (const loss of got) if (loss.ok) expect(loss.multimodal.mean).toBeGreaterThan(0);
  });

  test('a text-only row is the same with and without images', async () => {
    const loss = (await losses())[2]!;
    if (!loss.ok) throw new Error(loss.reason);
    for (const variant of ['masked', 'drop', 'remove'] as const) {
      expect(loss.blind[variant]!.mean).toBe(loss.multimodal.mean);
    }
  });

  test('an image is read once for all samples that show it', async () => {
    reads = [];
    await losses();
    expect(reads.filter((path) => path === '1.png').length).toBe(1);
  });

  test('little memory for features changes no loss by more than 1e-5', async () => {
    const whole = await losses();
    const scarce = await loadVlm(FOLDER, { workers: 1, featureBytes: 1 });
    const got = await scarce.losses({ samples: SAMPLES, loadImage, blind: ['masked'] });
    await scarce.close();
    for (const [i, loss] of got.entries()) {
      const other = whole[i]!;
      expect(loss.ok).toBe(other.ok);
      if (loss.ok && other.ok) expect(Math.abs(loss.multimodal.mean - other.multimodal.mean)).toBeLessThan(1e-5);
    }
  });

  test('losses of tokens come with the text of each, and their mean is the loss', async () => {
    for (const loss of await losses({ perToken: true })) {
      if (!loss.ok) continue;
      expect(loss.tokenTexts!.length).toBe(loss.tokens);
      expect(loss.multimodal.perToken!.length).toBe(loss.tokens);
      const sum = loss.multimodal.perToken!.reduce((total, value) => total + value, 0);
      expect(sum / loss.tokens).toBeCloseTo(loss.multimodal.mean, 6);
    }
    const [first] = await losses({ perToken: true });
    expect(first!.ok && first!.tokenTexts!.join('')).toContain('red');
  });

  test('the same request gives the same bytes', async () => {
    expect(await losses({ perToken: true })).toEqual(await losses({ perToken: true }));
  });
});

test('rows whose numbers are none have a reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-nan-'));
  cpSync(FOLDER, folder, { recursive: true });
  const path = join(folder, 'onnx', 'weights.bin');
  const weights = readFileSync(path);
  new Float32Array(weights.buffer, weights.byteOffset, weights.length / 4).fill(Number.NaN, weights.length / 8);
  writeFileSync(path, weights);
  const model = await loadVlm(folder, { workers: 1 });
  const got = await model.losses({
    samples: SAMPLES.slice(0, 3),
    loadImage: async () => picture(3),
    blind: ['masked'],
  });
  await model.close();
  rmSync(folder, { recursive: true });
  for (const loss of got) expect(loss).toMatchObject({ ok: false, code: 'NOT_FINITE' });
});

test('a folder without graphs is refused with what to do', async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  await expect(loadVlm({ name: 'x', folder, revision: '0' })).rejects.toMatchObject({ code: 'MODEL_INCOMPLETE' });
});
