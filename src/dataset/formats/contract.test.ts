import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../canonical.ts';
import type { Format } from '../format.ts';
import { resolveMedia } from '../media/media.ts';
import { openDataset } from '../open/open.ts';
import type { Message, Part, Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';
import { questionTurns } from './question-turns.ts';
import { formats } from './registry.ts';

/** A new empty folder. */
const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-format-'));

/** Sample shapes from the plainest up; each format is tried with all that it says it can hold. */
const word = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom('\n', ' a', 'b\n', '"\\', '\u{1f98a}', '<img>', '<img>a.jpg</img>', '{}', 'Describe the image.'),
);
const plainMeta = fc.dictionary(
  fc
    .oneof({ weight: 9, arbitrary: fc.stringMatching(/^[a-z]{3,8}$/) }, fc.constantFrom('img', 'photo', 'picture'))
    .filter(
      (key) => !['image', 'images', 'video', 'videos', 'system', 'prompt', 'text', 'tools', 'caption'].includes(key),
    ),
  fc.jsonValue(),
  { maxKeys: 3 },
);

const caption: fc.Arbitrary<Sample> = fc
  .record({ id: word, text: word, meta: plainMeta })
  .map(({ id, text, meta }) => ({
    id,
    messages: [
      {
        role: 'user',
        parts: [
          { type: 'image', image: 0 },
          { type: 'text', text: 'Describe the image.' },
        ],
      },
      { role: 'assistant', parts: [{ type: 'text', text }] },
    ],
    media: { images: [{ path: 'a/b.jpg' }], videos: [] },
    meta,
  }));

/** Multiple choice: the options beside the question that names them. */
const choice: fc.Arbitrary<Sample> = fc
  .record({ id: word, options: fc.uniqueArray(word, { minLength: 1, maxLength: 4 }), meta: plainMeta })
  .map(({ id, options, meta }) => ({
    id,
    messages: questionTurns(['Which of these is shown in the image?', ...options.toSorted()].join('\n'), options[0]),
    media: { images: [{ path: 'a/b.jpg' }], videos: [] },
    meta: { ...meta, options },
  }));

const dialogue: fc.Arbitrary<Sample> = fc
  .record({
    id: word,
    system: fc.option(word, { freq: 4 }),
    turns: fc.array(
      fc.record({
        asked: fc.array(fc.constantFrom('image', 'video', 'text'), { maxLength: 4 }),
        question: word,
        answer: word,
        tool: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    rich: fc.constantFrom(0, 1, 2),
    meta: plainMeta,
  })
  .map(({ id, system, turns, rich, meta }) => {
    const media: Sample['media'] = { images: [], videos: [] };
    const messages: Message[] = [];
    if (rich > 0 && system !== null) messages.push({ role: 'system', parts: [{ type: 'text', text: system }] });
    for (const turn of turns) {
      const parts: Part[] = [];
      for (const kind of turn.asked) {
        // Text parts side by side merge in formats of plain text, so one never follows another here.
        if (kind === 'text' && parts.at(-1)?.type !== 'text') parts.push({ type: 'text', text: turn.question });
        if (kind === 'image' && (rich > 0 || media.images.length === 0))
          parts.push({ type: 'image', image: media.images.push({ path: `images/${media.images.length}.jpg` }) - 1 });
        if (kind === 'video' && rich === 2)
          parts.push({ type: 'video', video: media.videos.push({ path: `videos/${media.videos.length}.mp4` }) - 1 });
      }
      if (parts.length === 0) parts.push({ type: 'text', text: turn.question });
      messages.push({ role: 'user', parts });
      if (rich === 2 && turn.tool) {
        messages.push({
          role: 'assistant',
          call: true,
          parts: [{ type: 'text', text: JSON.stringify({ name: 'look', arguments: { at: turn.question } }) }],
        });
        messages.push({ role: 'tool', parts: [{ type: 'text', text: turn.answer }] });
      }
      messages.push({ role: 'assistant', parts: [{ type: 'text', text: turn.answer }] });
    }
    return { id, messages, media, meta };
  });

const sampleArbitrary = fc.oneof(dialogue, caption, choice);

/** Formats whose rows have no id of their own write one when asked. */
const WITH_IDS = { options: { ids: true } };

function roundTrip(format: Format, sample: Sample): Sample {
  const record: unknown = JSON.parse(JSON.stringify(format.write(sample, WITH_IDS)[0]));
  const read = format.read(record, { file: 'x', row: 0, options: {} });
  if (!read.ok) throw read.error;
  return read.sample;
}

describe.each(formats.map((format) => [format.name, format] as const))('format %s', (_name, format) => {
  it('reads back what it writes, for every sample that it says it can hold', () => {
    if (format.container === 'folder') return;
    let held = 0;
    fc.assert(
      fc.property(sampleArbitrary, (sample) => {
        fc.pre(format.cannotHold(sample, { options: {} }).length === 0);
        held++;
        expect(canonicalJson(roundTrip(format, sample))).toBe(canonicalJson(sample));
      }),
      { numRuns: 300, maxSkipsPerRun: 100 },
    );
    expect(held).toBeGreaterThan(50);
  });

  it('never throws on bad input, and says what is wrong', () => {
    // With objects whose keys are those of every JavaScript object: no text is made of them by their own methods.
    const json = fc.oneof({ weight: 9, arbitrary: fc.jsonValue() }, fc.constant({ toString: null, valueOf: null }));
    const shapes = fc.oneof(
      json,
      fc.record({ id: json, image: json, images: json, conversations: json }, { requiredKeys: [] }),
      fc.record(
        {
          messages: fc.array(fc.record({ role: json, content: json, parts: json })),
          images: json,
          media: json,
        },
        { requiredKeys: [] },
      ),
      fc.record({
        conversations: fc.array(
          fc.record({ from: fc.constantFrom('human', 'gpt', 'x'), value: fc.oneof(fc.string(), json) }),
        ),
        image: json,
      }),
    );
    fc.assert(
      fc.property(shapes, (record) => {
        const read = format.read(record, { file: 'x', row: 3, options: {} });
        if (read.ok) return;
        expect(read.error.code).toMatch(/^[A-Z_]+$/);
        expect(read.error.where).toMatchObject({ file: 'x', row: 3 });
      }),
      { numRuns: 500 },
    );
  });

  it('is detected from a file that it wrote, with ids, columns and media in place', async () => {
    const folder = room();
    const samples = fc
      .sample(sampleArbitrary, { numRuns: 400, seed: 7 })
      .filter((sample) => format.cannotHold(sample, { options: {} }).length === 0 && sample.media.images.length > 0)
      .slice(0, 30)
      .map((sample, row) => ({ ...sample, id: `id-${row}` }));
    const all =
      format.container === 'folder'
        ? samples.map((sample, row) => ({
            ...sample,
            id: `i${row}.jpg`,
            media: { images: [{ path: `i${row}.jpg` }], videos: [] },
          }))
        : samples;
    for (const path of all
      .flatMap((sample) => [...sample.media.images, ...sample.media.videos])
      .map(({ path }) => join(folder, 'media', path))) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `pixels of ${path}`);
    }
    const out = join(folder, 'out');
    const written = await writeDataset({
      samples: all,
      format: format.name,
      out,
      media: 'copy',
      mediaRoot: join(folder, 'media'),
    });
    expect(written.rows).toBe(all.length);
    expect(written.lost.filter(({ what }) => !what.startsWith('id '))).toEqual([]);
    const dataset = await openDataset(format.container === 'folder' ? out : written.files[0]!, { options: {} });
    expect(dataset.format).toBe(format.name);
    expect(dataset.quarantined).toEqual([]);
    const forgetful = (format.silentlyDrops?.(samples[0]!, { options: {} }).length ?? 0) > 0;
    const back = await dataset.get(all.map((sample, row) => (forgetful ? row : dataset.rowOf(sample.id))));
    for (const [row, sample] of all.entries()) {
      expect(back[row]!.messages).toEqual(sample.messages);
      // COCO must number its images.
      const { image_id: _, ...meta } = back[row]!.meta;
      expect(meta).toEqual(sample.meta);
      const path = back[row]!.media.images[0]!.path;
      const media = resolveMedia(dataset, { path });
      expect(media.kind === 'file' && readFileSync(media.path, 'utf8')).toBe(
        `pixels of ${join(folder, 'media', sample.media.images[0]!.path)}`,
      );
    }
    await dataset.close();
  });

  it('refuses what it cannot hold and then writes nothing', async () => {
    const folder = room();
    const tricky: Sample = {
      id: 'odd',
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'video', video: 0 },
            { type: 'text', text: 'What? <image>' },
          ],
        },
        { role: 'system', parts: [] },
      ],
      media: { images: [], videos: [{ path: 'v.mp4' }] },
      meta: {},
    };
    const out = join(folder, 'new', 'data');
    const write = (lossy: boolean) =>
      writeDataset({ samples: [tricky], format: format.name, out, mediaRoot: folder, lossy });
    if (format.cannotHold(tricky, { options: {} }).length === 0) return;
    await expect(write(false)).rejects.toMatchObject({ code: 'FORMAT_CANNOT_HOLD' });
    expect(() => readFileSync(out)).toThrow();
    const written = await write(true);
    expect(written.lost.length).toBeGreaterThan(0);
    expect(written.lost[0]!.ids).toEqual(['odd']);
  });
});
