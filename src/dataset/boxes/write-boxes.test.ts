import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { familyNamed } from '../../families/families.ts';
import { formatNamed } from '../formats/detect.ts';
import { RenderOptions } from '../media/render.ts';
import type { Sample } from '../sample.ts';
import { boxWriter } from './write-boxes.ts';

const folder = mkdtempSync(join(tmpdir(), 'winnow-boxes-'));
const scope = { mediaRoot: folder };

beforeAll(async () => {
  const plain = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#456' } });
  await plain(800, 600).png().toFile(join(folder, 'wide.png'));
  await plain(100, 80).png().toFile(join(folder, 'small.png'));
  await plain(800, 600).withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, 'turned.jpg'));
});

const sample = (answer: string, objects?: unknown, ...paths: string[]): Sample => ({
  id: 'x',
  messages: [
    {
      role: 'user',
      parts: [...paths.map((_, image) => ({ type: 'image', image }) as const), { type: 'text', text: 'Give the box.' }],
    },
    { role: 'assistant', parts: [{ type: 'text', text: answer }] },
  ],
  media: { images: paths.map((path) => ({ path })), videos: [] },
  meta: objects === undefined ? {} : { objects },
});

const answerOf = ({ messages }: Sample): string => {
  const [part] = messages[1]!.parts;
  return part?.type === 'text' ? part.text : '';
};

async function write(given: Sample, options: object, render?: object, format = 'llava') {
  const settings = render === undefined ? undefined : RenderOptions.parse(render);
  const { sample: after, losses } = await boxWriter(formatNamed(format), { ...options }, settings, () => scope)(given);
  return { answer: answerOf(after), losses, objects: after.meta.objects, frame: after.meta.box_frame };
}

describe('boxes of objects', () => {
  const places = { ref: ['cup'], bbox: [[400, 300, 720, 600]] };

  it.each([
    // 800 x 600 is 812 x 588 pixels to Qwen2.5-VL: the nearest multiples of 28.
    ['qwen2.5-vl', 'cup [406, 294, 731, 588]'],
    ['qwen3-vl', 'cup [500, 500, 900, 1000]'],
    ['qwen2-vl', '<|object_ref_start|>cup<|object_ref_end|> <|box_start|>(500,500),(900,1000)<|box_end|>'],
    ['internvl', '<ref>cup</ref> <box>[[500, 500, 900, 1000]]</box>'],
    ['unit', 'cup [0.5, 0.5, 0.9, 1]'],
    ['pixels', 'cup [400, 300, 720, 600]'],
  ])('are written as %s writes them', async (boxes, answer) => {
    const written = await write(sample('<ref-object> <bbox>', places, 'wide.png'), { boxes });
    const frame = familyNamed(boxes)?.boxes?.frame ?? boxes;
    expect(written).toEqual({ answer, losses: [], objects: undefined, frame });
  });

  it('belong to the image that image_id names, in pixels or fractions, as points or boxes', async () => {
    const two = {
      ref: [],
      bbox: [
        [10, 20],
        [80, 60, 800, 600],
      ],
      image_id: [0, 1],
    };
    const written = await write(sample('<bbox> <bbox>', two, 'small.png', 'wide.png'), { boxes: 'thousand' });
    expect(written.answer).toBe('[100, 250] [100, 100, 1000, 1000]');
    const unit = { ref: [], bbox: [[0.1, 0.2, 0.5, 0.9]], bbox_type: 'norm1' };
    expect((await write(sample('<bbox>', unit, 'gone.png'), { boxes: 'unit' })).answer).toBe('[0.1, 0.2, 0.5, 0.9]');
    const old = [{ caption: 'cup', bbox: [100, 200, 300, 400], bbox_type: 'norm_1000', image: 0 }];
    expect((await write(sample('<bbox>', old, 'wide.png'), { boxes: 'pixels' })).answer).toBe('[80, 120, 240, 240]');
  });

  it('are a loss where nobody says how to write them, or that cannot be', async () => {
    expect((await write(sample('<bbox>', places, 'wide.png'), {})).losses).toHaveLength(1);
    expect((await write(sample('<bbox><bbox>', places, 'wide.png'), { boxes: 'unit' })).losses).toEqual([
      'as many <bbox> as boxes',
    ]);
    expect((await write(sample('<bbox>', places, 'gone.png'), { boxes: 'unit' })).losses).toHaveLength(1);
    const kept = await write(sample('<bbox>', places, 'wide.png'), {}, undefined, 'swift');
    expect(kept).toMatchObject({ answer: '<bbox>', losses: [], objects: places });
    expect(() => boxWriter(formatNamed('llava'), { boxes: 'x' }, undefined, () => scope)).toThrow('boxes=x');
  });
});

describe('boxes of images that are rendered', () => {
  const small = { maxPixels: 120_000 };

  it.each([
    [
      'pixels of a resized image',
      '[400, 300, 720, 560]',
      'wide.png',
      { ...small, boxes: 'pixels' },
      '[200, 150, 360, 280]',
    ],
    ['fractions stay', '[0.1, 0.2, 0.5, 0.9]', 'wide.png', small, '[0.1, 0.2, 0.5, 0.9]'],
    ['thousandths stay', '[400, 300, 720, 560]', 'wide.png', { ...small, boxes: 'thousand' }, '[400, 300, 720, 560]'],
    ['beyond a thousand are pixels', '[400, 300, 1100, 560]', 'wide.png', small, '[200, 150, 550, 280]'],
    [
      'drawn before the rotation',
      '[40, 30, 720, 160]',
      'turned.jpg',
      { bake: true, boxes: 'pixels' },
      '[440, 40, 570, 720]',
    ],
    ['drawn after it', '[440, 40, 570, 720]', 'turned.jpg', { bake: true, boxes: 'pixels' }, '[440, 40, 570, 720]'],
    ['not resized at all', '[40, 30, 72, 60]', 'small.png', small, '[40, 30, 72, 60]'],
  ])('%s', async (_name, box, image, render, is) => {
    expect(await write(sample(box, undefined, image), {}, render)).toMatchObject({ answer: is, losses: [] });
  });

  it.each([
    ['whose frame nobody says', '[400, 300, 720, 560]', 'wide.png', small],
    [
      'that fit the image before and after its rotation',
      '[10, 10, 90, 90]',
      'turned.jpg',
      { bake: true, boxes: 'pixels' },
    ],
  ])('stay, and are a loss: %s', async (_name, box, image, render) => {
    const { answer, losses } = await write(sample(box, undefined, image), {}, render);
    expect([answer, losses.length]).toEqual([box, 1]);
  });

  it('of objects move, and are filled in by the size that the image gets', async () => {
    const places = { ref: [], bbox: [[400, 300, 720, 560]] };
    const moved = await write(sample('<bbox>', places, 'wide.png'), {}, small, 'swift');
    expect(moved.objects).toEqual({ ref: [], bbox: [[200, 150, 360, 280]] });
    expect((await write(sample('<bbox>', places, 'wide.png'), { boxes: 'unit' }, small)).answer).toBe(
      '[0.5, 0.5, 0.9, 0.9333]',
    );
  });
});
