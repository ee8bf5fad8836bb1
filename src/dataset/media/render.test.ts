import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';
import { type RenderOptions as Options, RenderOptions, renderImage, renderSettings } from './render.ts';

const settings = (options: Options) => RenderOptions.parse(options);
const red = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } });
const about = (bytes: Uint8Array) => sharp(bytes).metadata();

describe('renderImage', () => {
  it('leaves an upright RGB image of the wanted kind alone', async () => {
    const png = await red(20, 10).png().toBuffer();
    expect(await renderImage(png, settings({ bake: true, maxPixels: 200, encode: 'png' }))).toBeUndefined();
  });

  it('turns an image by its orientation and then drops it', async () => {
    const jpeg = await red(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const rendered = await renderImage(jpeg, settings({ bake: true }));
    expect(await about(rendered!.bytes)).toMatchObject({ width: 20, height: 40, format: 'jpeg' });
    expect((await about(rendered!.bytes)).orientation).toBeUndefined();
  });

  it('lays transparency on white', async () => {
    const clear = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const { bytes, extension } = (await renderImage(clear, settings({ bake: true })))!;
    expect(extension).toBe('.png');
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(3);
    expect([...new Set(data)]).toEqual([255]);
  });

  it.each([
    [
      '16 bit',
      () =>
        sharp(Buffer.alloc(8 * 8 * 6, 7), { raw: { width: 8, height: 8, channels: 3 } })
          .toColourspace('rgb16')
          .png(),
    ],
    ['grey', () => red(8, 8).toColourspace('b-w').png()],
    ['CMYK', () => red(8, 8).toColourspace('cmyk').jpeg()],
  ])('makes %s 8-bit RGB', async (_name, make) => {
    const { bytes } = (await renderImage(await make().toBuffer(), settings({ bake: true })))!;
    expect(await about(bytes)).toMatchObject({ channels: 3, depth: 'uchar', space: 'srgb' });
  });

  it('takes the first frame of an animation', async () => {
    const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 0), Buffer.alloc(8 * 8 * 3, 255)]);
    const gif = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer();
    expect((await about(gif)).pages).toBe(2);
    const { bytes, extension } = (await renderImage(gif, settings({ bake: true })))!;
    expect(extension).toBe('.png');
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, Math.max(...data)]).toEqual([8, 8, 0]);
  });

  it('keeps within the pixel budget and near the aspect, and gives the same bytes again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 20_000 }),
        async (w, h, maxPixels) => {
          const png = await red(w, h).png().toBuffer();
          const rendered = await renderImage(png, settings({ maxPixels }));
          expect(rendered === undefined).toBe(w * h <= maxPixels);
          if (rendered === undefined) return;
          const { width, height } = await about(rendered.bytes);
          expect(width * height).toBeLessThanOrEqual(maxPixels);
          if (width === 1 || height === 1) return;
          const scale = Math.sqrt(maxPixels / (w * h));
          expect(Math.abs(width - w * scale)).toBeLessThanOrEqual(1);
          expect(Math.abs(height - h * scale)).toBeLessThanOrEqual(1);
          expect((await renderImage(png, settings({ maxPixels })))!.bytes.equals(rendered.bytes)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('says that an image can not be decoded', async () => {
    await expect(renderImage(Buffer.from('no image'), settings({ bake: true }))).rejects.toMatchObject({
      code: 'MEDIA_UNREADABLE',
    });
  });
});

describe('renderSettings', () => {
  it('refuses what would do nothing or is no number', () => {
    expect(renderSettings({})).toBeUndefined();
    expect(() => renderSettings({ quality: 80 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => renderSettings({ maxPixels: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  });
});

describe('writeDataset with render', () => {
  const setUp = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'winnow-render-'));
    mkdirSync(join(folder, 'in/a'), { recursive: true });
    await red(64, 32).withMetadata({ orientation: 8 }).jpeg().toFile(join(folder, 'in/a/x.JPEG'));
    writeFileSync(join(folder, 'in/bad.png'), 'broken');
    const sample = (id: string, path: string): Sample => ({
      id,
      messages: [
        { role: 'user', parts: [{ type: 'image', image: 0 }] },
        { role: 'assistant', parts: [{ type: 'text', text: 'Red.' }] },
      ],
      media: { images: [{ path }], videos: [] },
      meta: {},
    });
    return { folder, samples: [sample('1', 'a/x.JPEG'), sample('2', 'a/x.JPEG'), sample('3', 'bad.png')] };
  };

  it('writes each image once, names it by its content, reports what can not be decoded, and leaves nothing behind', async () => {
    const { folder, samples } = await setUp();
    const written = await writeDataset({
      samples,
      format: 'llava',
      out: join(folder, 'out'),
      media: 'link',
      mediaRoot: join(folder, 'in'),
      render: { maxPixels: 512, encode: 'webp', rename: 'content' },
    });
    expect(written).toMatchObject({ rows: 3, mediaFiles: 1, media: 'copy' });
    expect(written.lost).toEqual([{ what: 'image that cannot be decoded', count: 1, ids: ['3'] }]);
    const [name, ...more] = readdirSync(join(folder, 'out/images'));
    const bytes = readFileSync(join(folder, 'out/images', name!));
    expect(more).toEqual([]);
    expect(name).toBe(`${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.webp`);
    expect(await about(bytes)).toMatchObject({ width: 16, height: 32 });
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['data.json', 'images']);
    const rows = JSON.parse(readFileSync(join(folder, 'out/data.json'), 'utf8')) as { image: string }[];
    expect(rows.map(({ image }) => image)).toEqual([`images/${name}`, `images/${name}`, 'bad.png']);
  });

  it('refuses to render what keeps its place', async () => {
    const { folder, samples } = await setUp();
    const request = { samples, format: 'llava', out: join(folder, 'out.json'), mediaRoot: join(folder, 'in') };
    await expect(writeDataset({ ...request, media: 'keep', render: { bake: true } })).rejects.toMatchObject({
      code: 'RENDER_NEEDS_COPY',
      exitCode: 2,
    });
  });
});
