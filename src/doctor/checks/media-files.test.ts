import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../numeric/philox.ts';
import { doctor } from '../doctor.ts';
import type { CheckFinding } from '../findings.ts';

const root = mkdtempSync(join(tmpdir(), 'winnow-media-'));
const images = join(root, 'images');

/** A soft random picture that differs from every other seed's. */
function scene(seed: number, width = 160, height = 120): Sharp {
  const random = createRandom(seed, 'scene');
  const pixels = Uint8Array.from({ length: 6 * 5 * 3 }, () => random.below(256));
  return sharp(pixels, { raw: { width: 6, height: 5, channels: 3 } }).resize(width, height, { fit: 'fill' });
}

/** PNG chunks with a size that its pixels don't have. */
function pngOfSize(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(8 + data.length + 4);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), 8 + data.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(999))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

function box(type: string, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}

function words(...values: number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    out.writeUInt32BE(value, 4 * i);
  });
  return out;
}

/** An MP4 of so many frames of one byte, whose table comes first; `cut` bytes are missing at the end. */
function mp4(frames: number, cut = 0): Buffer {
  const start = box('ftyp', Buffer.from('isom\0\0\x02\0isom', 'latin1'));
  const tables = (offset: number) =>
    box(
      'moov',
      box(
        'trak',
        box(
          'mdia',
          box('hdlr', words(0, 0), Buffer.from('vide', 'latin1'), Buffer.alloc(12)),
          box('minf', box('stbl', box('stsz', words(0, 1, frames)), box('stco', words(0, 1, offset)))),
        ),
      ),
    );
  const offset = start.length + tables(0).length + 8;
  const file = Buffer.concat([start, tables(offset), box('mdat', Buffer.alloc(Math.max(frames, 1)))]);
  return file.subarray(0, file.length - cut);
}

type Content = Buffer | Sharp;
const files: Record<string, { content: Content; codes: string[] }> = {};

async function plant(name: string, codes: string[], content: Content): Promise<void> {
  files[name] = { content, codes };
  const bytes = Buffer.isBuffer(content) ? content : await content.toBuffer();
  writeFileSync(join(images, name), bytes);
}

async function plantAll(): Promise<void> {
  const jpeg = await scene(1).jpeg({ quality: 90 }).toBuffer();
  const png = await scene(2).png().toBuffer();
  const grey = (seed: number) => scene(seed).greyscale();
  // What comes close and is sound.
  await plant('plain.jpg', [], jpeg);
  await plant('progressive.jpg', [], scene(3).jpeg({ progressive: true }));
  await plant('grey.jpg', [], grey(4).jpeg());
  await plant('grey.png', [], grey(5).toColourspace('b-w').png());
  await plant('upper.JPEG', [], scene(6).jpeg());
  await plant('webp.webp', [], scene(7).webp());
  await plant('tiff.tif', [], scene(8).tiff());
  await plant('noextension', [], scene(9).jpeg());
  await plant('upright.jpg', [], scene(10).jpeg().withMetadata({ orientation: 1 }));
  await plant('trailing.jpg', [], Buffer.concat([await scene(11).jpeg().toBuffer(), Buffer.alloc(300, 65)]));
  await plant('dull.jpg', [], scene(12).linear(0.2, 100).jpeg());
  await plant('side28.png', [], scene(13, 28, 28).png());
  await plant('ratio200.png', ['D107'], scene(14, 2000, 10).png());
  await plant('half-blank.png', [], scene(15, 40, 40).extend({ right: 160, bottom: 60, background: '#fff' }).png());
  // D103
  await plant('cut.jpg', ['D103'], jpeg.subarray(0, Math.floor(jpeg.length / 2)));
  await plant('cut-late.jpg', ['D103'], jpeg.subarray(0, Math.floor(jpeg.length * 0.98)));
  await plant('cut.png', ['D103'], png.subarray(0, Math.floor(png.length / 2)));
  await plant('page.jpg', ['D103'], Buffer.from('<!DOCTYPE html><html><body>404</body></html>'));
  await plant('noise.png', ['D103'], Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 89) % 251)));
  await plant('really-png.jpg', ['D103'], scene(16).png());
  await plant('really-jpeg.png', ['D103'], scene(17).jpeg());
  await plant('drawing.png', ['D103'], Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'));
  // D104, D105
  for (const orientation of [3, 6]) {
    await plant(
      `turned${orientation}.jpg`,
      ['D104'],
      scene(20 + orientation)
        .jpeg()
        .withMetadata({ orientation }),
    );
  }
  await plant('alpha.png', ['D105'], scene(30).ensureAlpha(0.5).png());
  await plant('opaque-alpha.png', ['D105'], scene(31).ensureAlpha().png());
  await plant('palette.png', ['D105'], scene(32).png({ palette: true }));
  await plant('cmyk.jpg', ['D105'], scene(33).toColourspace('cmyk').jpeg());
  await plant('deep.png', ['D105'], scene(34).toColourspace('rgb16').png());
  const frames = (...seeds: number[]) => Promise.all(seeds.map((seed) => scene(seed).png().toBuffer()));
  await plant('moving.gif', ['D105'], sharp(await frames(35, 36), { join: { animated: true } }).gif());
  await plant('moving.webp', ['D105'], sharp(await frames(37, 38), { join: { animated: true } }).webp());
  // D106, D107, D108
  await plant('bomb.png', ['D106'], pngOfSize(50_000, 50_000));
  await plant('strip.png', ['D106', 'D107'], scene(40, 2010, 10).png());
  await plant('icon.png', ['D107'], scene(41, 27, 60).png());
  const blank = (colour: string) => sharp({ create: { width: 90, height: 60, channels: 3, background: colour } });
  await plant('white.png', ['D108'], blank('#fff').png());
  await plant('grey-card.jpg', ['D108'], blank('#777').jpeg());
  const missing = await scene(42).jpeg().toBuffer();
  for (let i = 0; i < 5; i++) await plant(`not-found-${i}.jpg`, ['D007', 'D108'].slice(i === 0 ? 1 : 0), missing);
  const twice = await scene(43).jpeg().toBuffer();
  await plant('twice-0.jpg', [], twice);
  await plant('twice-1.jpg', ['D007'], twice);
  // D102
  await plant('empty.jpg', ['D102'], Buffer.alloc(0));
  mkdirSync(join(images, 'folder.jpg'));
  writeFileSync(join(root, 'secret.jpg'), jpeg);
  symlinkSync(join(root, 'secret.jpg'), join(images, 'link.jpg'));
  symlinkSync(join(images, 'plain.jpg'), join(images, 'inner-link.jpg'));
  for (const name of ['folder.jpg', 'link.jpg', 'missing.jpg', '../secret.jpg', join(root, 'secret.jpg')])
    files[name] = { content: jpeg, codes: ['D102'] };
  files['inner-link.jpg'] = { content: jpeg, codes: ['D007'] };
}

const videos: Record<string, string[]> = {
  'good.mp4': [],
  'cut.mp4': ['D109'],
  'empty-track.mp4': ['D109'],
  'text.mp4': ['D109'],
  'gone.mp4': ['D102'],
};

beforeAll(async () => {
  mkdirSync(images);
  await plantAll();
  writeFileSync(join(images, 'good.mp4'), mp4(8));
  writeFileSync(join(images, 'cut.mp4'), mp4(8, 4));
  writeFileSync(join(images, 'empty-track.mp4'), mp4(0));
  writeFileSync(join(images, 'text.mp4'), 'no video at all');
  const turns = (tag: string) => [
    { from: 'human', value: `<${tag}>\nWhat is it?` },
    { from: 'gpt', value: 'A thing.' },
  ];
  const rows = [
    ...Object.keys(files).map((name) => ({ id: name, image: name, conversations: turns('image') })),
    ...Object.keys(videos).map((name) => ({ id: name, video: name, conversations: turns('video') })),
  ];
  writeFileSync(join(root, 'data.json'), JSON.stringify(rows));
});

const CODES = ['D007', 'D102', 'D103', 'D104', 'D105', 'D106', 'D107', 'D108', 'D109'];

function codesById(findings: readonly CheckFinding[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { code, sample_ids: ids, count } of findings) {
    expect(count, `${code}: more than the list holds`).toBeLessThanOrEqual(20);
    for (const id of ids) found[id] = [...(found[id] ?? []), code];
  }
  return found;
}

describe('media checks', () => {
  it('finds every planted fault and nothing in what comes close', async () => {
    const { findings } = await doctor(null, { path: join(root, 'data.json'), images, only: CODES });
    const found = codesById(findings);
    const planted = { ...Object.fromEntries(Object.entries(files).map(([id, { codes }]) => [id, codes])), ...videos };
    for (const [id, codes] of Object.entries(planted)) expect(found[id] ?? [], id).toEqual(codes);
  });

  it("asks more of an image where the target's preprocessing does", async () => {
    const at = async (target: string) =>
      codesById((await doctor(null, { path: join(root, 'data.json'), images, only: CODES, target })).findings);
    const qwen = await at('qwen3-vl');
    expect(qwen['side28.png']).toEqual(['D106']);
    expect(qwen['strip.png']).toEqual(['D106', 'D107']);
    expect((await at('llava'))['strip.png']).toEqual(['D107']);
    const tiled = await doctor(null, { path: join(root, 'data.json'), images, only: ['D107'], target: 'smolvlm' });
    expect(tiled.findings[0]!.details).toContain('plain.jpg: 160 x 120: SmolVLM enlarges it 12.8 times');
  });

  it('does not read a file beyond the limit, nor decode an image beyond it', async () => {
    const limits = { maxBytes: 1000, maxPixels: 100 };
    const { findings } = await doctor(null, { path: join(root, 'data.json'), images, only: ['D106'], ...limits });
    const details = findings[0]!.details.join('\n');
    expect(details).toMatch(/plain\.jpg: the file has \d+ bytes, more than the limit of 1000/);
    expect(details).toMatch(/side28\.png: .*(784 pixels|bytes), more than the limit/);
  });

  it('fixes into a new version in which nothing fixable is left', async () => {
    const out = join(root, 'fixed');
    const only = CODES.slice(2);
    const { fixed } = await doctor(null, { path: join(root, 'data.json'), images, only, fix: true, out });
    expect(fixed!.changed).toMatchObject({ D104: 2, D105: 7 });
    // Cut or no images at all: three of each.
    expect(fixed!.dropped).toMatchObject({ D103: 6, D106: 1, D108: 7 });
    const again = await doctor(null, { path: fixed!.path, only });
    const left = codesById(again.findings);
    // Nobody can make the pixels of these.
    expect(left).toEqual({
      'icon.png': ['D107'],
      'ratio200.png': ['D107'],
      'cut.mp4': ['D109'],
      'empty-track.mp4': ['D109'],
      'text.mp4': ['D109'],
    });
  });

  it('keeps what decodes of a cut image where that is asked for, and never by the way', async () => {
    const path = join(root, 'cut.json');
    const conversations = [
      { from: 'human', value: '<image>\nWhat is it?' },
      { from: 'gpt', value: 'A thing.' },
    ];
    writeFileSync(path, JSON.stringify([{ id: 'cut', image: 'cut.jpg', conversations }]));
    const fix = { path, images, fix: true };
    const kept = await doctor(null, { ...fix, keepDamaged: true, out: join(root, 'cut-kept') });
    expect(kept.fixed).toMatchObject({ rows: 1, changed: { D103: 1 } });
    const dropped = await doctor(null, { ...fix, out: join(root, 'cut-dropped') });
    expect(dropped.fixed).toMatchObject({ rows: 0, dropped: { D103: 1 } });
    expect(dropped.findings[0]!.details).toEqual(['cut.jpg: truncated: the file ends before the JPEG image does']);
  });

  it('sees a white drawing on nothing, and lays it on black', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'winnow-drawing-'));
    for (const [name, at] of [
      ['a', 2],
      ['b', 40],
    ] as const) {
      const line = Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><rect x="${at}" y="9" width="20" height="30" fill="white"/></svg>`,
      );
      await sharp(line)
        .png()
        .toFile(join(folder, `${name}.png`));
    }
    const rows = ['a', 'b'].map((id) => ({
      id,
      image: `${id}.png`,
      conversations: [
        { from: 'human', value: '<image>\nWhat is it?' },
        { from: 'gpt', value: 'A bar.' },
      ],
    }));
    writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
    const { findings, fixed } = await doctor(null, {
      path: join(folder, 'data.json'),
      fix: true,
      out: join(folder, 'out'),
    });
    expect(findings.map(({ code }) => code)).toEqual(['D105']);
    expect(fixed!.rows).toBe(2);
    expect((await doctor(null, { path: fixed!.path })).findings).toEqual([]);
  });

  it('pads with the boxes, and leaves a turned image alone whose boxes may be either way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'winnow-follow-'));
    await scene(7, 640, 20).png().toFile(join(folder, 'strip.png'));
    await scene(8, 640, 480).jpeg().withMetadata({ orientation: 6 }).toFile(join(folder, 'turned.jpg'));
    const row = (id: string, image: string, box: string) => ({
      id,
      image,
      conversations: [
        { from: 'human', value: '<image>\nGive the bounding box.' },
        { from: 'gpt', value: box },
      ],
    });
    const rows = [
      row('unit', 'strip.png', '[0.1, 0.5, 0.9, 0.75]'),
      row('pixels', 'strip.png', '[10, 5, 600, 15]'),
      row('either', 'turned.jpg', '[10, 10, 90, 90]'),
    ];
    writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
    const options = { only: ['D104', 'D106', 'D401', 'D403'], target: 'qwen3-vl' };
    const { fixed } = await doctor(null, {
      path: join(folder, 'data.json'),
      ...options,
      fix: true,
      out: join(folder, 'out'),
    });
    const after = JSON.parse(readFileSync(fixed!.path, 'utf8')) as typeof rows;
    // 20 rows of pixels of 32.
    expect(after.map(({ conversations }) => conversations[1]!.value)).toEqual([
      '[0.1, 0.3125, 0.9, 0.4688]',
      '[10, 5, 600, 15]',
      '[10, 10, 90, 90]',
    ]);
    expect(after[2]!.image).toBe('turned.jpg');
  });

  it('fixes images that are data URIs, and boxes by the image as it was', async () => {
    const bytes = await scene(99, 640, 480).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const path = join(root, 'inline.jsonl');
    const row = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: `data:image/png;base64,${bytes.toString('base64')}` } },
            { type: 'text', text: 'Give the bounding box of the cat.' },
          ],
        },
        { role: 'assistant', content: '[500, 100, 620, 200]' },
      ],
    };
    writeFileSync(path, `${JSON.stringify(row)}\n`);
    const first = await doctor(null, { path, fix: true, out: join(root, 'inline-fixed') });
    expect(first.findings.map(({ code }) => code)).toEqual(['D103', 'D104', 'D110', 'D403']);
    expect(first.findings[0]!.details).toEqual(['embedded image: the data URI says "image/png", the content is JPEG']);
    const again = await doctor(null, { path: first.fixed!.path });
    expect(again.findings).toEqual([]);
    expect(readFileSync(first.fixed!.path, 'utf8')).toContain('[280, 500, 380, 620]');
  });
});
