import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceFixtures, workerPython } from '../testing/fixtures.ts';
import { decodeImage } from './decode.ts';
import { type ResampleFilter, resize } from './resample.ts';

interface Expected {
  sizes: Record<string, [number, number]>;
  broken: string[];
  resizes: { from: [number, number]; to: [number, number]; filter: ResampleFilter }[];
}

const python = workerPython();

describe.skipIf(python === undefined)('images against Pillow', () => {
  let folder: string;
  let expected: Expected;

  beforeAll(async () => {
    folder = await referenceFixtures(python!, 'decoding.py');
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Expected;
  }, 600_000);

  it('decode to the same pixels, whatever the format, the mode and the orientation mark', async () => {
    for (const [name, [width, height]] of Object.entries(expected.sizes)) {
      const image = await decodeImage(join(folder, 'images', name));
      expect([image.width, image.height], name).toEqual([width, height]);
      const want = await readFile(join(folder, 'images', `${name}.rgb`));
      expect(Buffer.compare(Buffer.from(image.data), want), name).toBe(0);
    }
  });

  it('are refused when they are cut, with a reason and the file', async () => {
    for (const name of expected.broken) {
      const file = join(folder, 'images', name);
      await expect(decodeImage(file), name).rejects.toMatchObject({ code: 'IMAGE_BROKEN', where: { file } });
    }
  });

  it('are resized to the same pixels, bit for bit, up and down and with every filter', async () => {
    const bytes = await readFile(join(folder, 'resized.bin'));
    let at = 0;
    for (const { from, to, filter } of expected.resizes) {
      const image = {
        width: from[0],
        height: from[1],
        data: new Uint8Array(bytes.subarray(at, at + 3 * from[0] * from[1])),
      };
      at += image.data.length;
      const got = resize(image, to[0], to[1], filter);
      expect([got.width, got.height]).toEqual(to);
      const want = bytes.subarray(at, at + got.data.length);
      at += got.data.length;
      expect(Buffer.compare(Buffer.from(got.data), want), `${filter} ${from} to ${to}`).toBe(0);
    }
    expect(at).toBe(bytes.length);
  });
});

describe('decodeImage', () => {
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'winnow-decode-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

  it('reads bytes and data URIs as well as files', async () => {
    const bytes = Buffer.from(PIXEL, 'base64');
    const image = await decodeImage(bytes);
    expect(image).toMatchObject({ width: 1, height: 1 });
    expect(await decodeImage(`data:image/png;base64,${PIXEL}`)).toEqual(image);
  });

  it('says what is wrong: no file, an empty file, no image, too many bytes, too many pixels', async () => {
    const write = async (name: string, body: string | Buffer): Promise<string> => {
      await writeFile(join(root, name), body);
      return join(root, name);
    };
    await expect(decodeImage(join(root, 'absent.png'))).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
    await expect(decodeImage(root)).rejects.toMatchObject({ code: 'IMAGE_BROKEN' });
    await expect(decodeImage(await write('empty.png', ''))).rejects.toMatchObject({
      code: 'IMAGE_BROKEN',
      message: expect.stringContaining('empty'),
    });
    await expect(decodeImage(await write('text.png', 'not an image at all'))).rejects.toMatchObject({
      code: 'IMAGE_BROKEN',
    });
    const pixel = await write('pixel.png', Buffer.from(PIXEL, 'base64'));
    await expect(decodeImage(pixel, { maxBytes: 10 })).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    await expect(decodeImage(pixel, { maxPixels: 0 })).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });
});
