import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDuck, quote } from '../../base/duckdb.ts';
import { WinnowError } from '../../base/errors.ts';
import { resolveMedia } from '../media/media.ts';
import { openDataset } from '../open/open.ts';
import type { Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-parquet-'));
const PNG = '\\x89PNG\\x0D\\x0A\\x1A\\x0A';

function sample(id: string, text: string, meta: Sample['meta'] = {}, images: string[] = []): Sample {
  return {
    id,
    messages: [
      {
        role: 'user',
        parts: [...images.map((_, image) => ({ type: 'image' as const, image })), { type: 'text', text }],
      },
      { role: 'assistant', parts: [{ type: 'text', text }] },
    ],
    media: { images: images.map((path) => ({ path })), videos: [] },
    meta,
  };
}

async function sql(folder: string, statement: string): Promise<unknown[][]> {
  const duck = await openDuck({ folder, temporary: folder, threads: 1 });
  try {
    return await duck.alone(async (connection) => (await connection.runAndReadAll(statement)).getRowsJson());
  } finally {
    duck.close();
  }
}

async function readAll(path: string, options = {}): Promise<(Sample | null)[]> {
  const dataset = await openDataset(path, { options });
  const samples = await dataset.get(dataset.ids.map((_, row) => row));
  await dataset.close();
  return samples;
}

describe('writing', () => {
  it('holds any text and any columns, value for value', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }).map((c) => `${c}\u2028\n\0"`),
      fc.constant('<image> {} \\ud800'),
    );
    const meta = fc.dictionary(fc.constantFrom('a', 'A', 'b', 'meta', 'Id', 'n', 'x y', '"q"'), fc.jsonValue(), {
      maxKeys: 4,
    });
    const folder = room();
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ text, meta }), { minLength: 1, maxLength: 8 }), async (rows) => {
        const samples = rows.map((row, i) => sample(`id ${i}`, row.text || '-', row.meta));
        const out = join(folder, `${n++}.parquet`);
        await writeDataset({ samples, format: 'parquet', out, mediaRoot: folder });
        // By JSON, in which -0 is 0.
        expect(await readAll(out)).toEqual(JSON.parse(JSON.stringify(samples)));
      }),
      { numRuns: 12 },
    );
  });

  it('gives plain columns their types, refuses half surrogates, and is the same file each time', async () => {
    const folder = room();
    const samples = [sample('1', 'a', { n: 1, s: 'x', b: true }), sample('2', 'b', { n: 2.5, deep: { k: [1] } })];
    const write = (name: string) =>
      writeDataset({ samples, format: 'parquet', out: join(folder, name), mediaRoot: folder });
    await write('a.parquet');
    await write('b.parquet');
    expect(readFileSync(join(folder, 'a.parquet')).equals(readFileSync(join(folder, 'b.parquet')))).toBe(true);
    const columns = await sql(folder, `DESCRIBE FROM ${quote(join(folder, 'a.parquet'))}`);
    expect(columns.slice(3).map(([name, type]) => `${name} ${type}`)).toEqual([
      'n DOUBLE',
      's VARCHAR',
      'b BOOLEAN',
      'meta VARCHAR',
    ]);
    await expect(
      writeDataset({
        samples: [sample('3', '\ud800')],
        format: 'parquet',
        out: join(folder, 'c.parquet'),
        mediaRoot: folder,
      }),
    ).rejects.toMatchObject({ code: 'FORMAT_CANNOT_HOLD' });
    expect(readdirSync(folder).sort()).toEqual(['a.parquet', 'b.parquet']);
  });

  it('cuts rows into groups of at most 1,000 and shards of a size, in order, images inside', async () => {
    const folder = room();
    mkdirSync(join(folder, 'in'));
    const images = Array.from({ length: 40 }, (_, i) => `${i}.png`);
    for (const [i, name] of images.entries()) writeFileSync(join(folder, 'in', name), Buffer.alloc(5000, i));
    const samples = Array.from({ length: 2300 }, (_, i) =>
      sample(`s${i}`, `row ${i}`, {}, i % 60 < 40 ? [images[i % 60]!] : []),
    );
    const request = { samples, format: 'parquet', out: join(folder, 'out'), mediaRoot: join(folder, 'in') };
    const { files } = await writeDataset({ ...request, options: { 'shard-bytes': '6MB', split: 'test' } });
    expect(files.map((file) => file.slice(folder.length + 5))).toEqual([
      'test-00000-of-00002.parquet',
      'test-00001-of-00002.parquet',
    ]);
    const groups = await sql(
      folder,
      `SELECT DISTINCT row_group_num_rows::INT FROM parquet_metadata(${quote(join(folder, 'out/*'))})`,
    );
    expect(Math.max(...groups.flat().map(Number))).toBe(1000);
    const dataset = await openDataset(join(folder, 'out'), { options: { split: 'test' } });
    expect(await dataset.get([0, 1000, 2299])).toEqual([samples[0], samples[1000], samples[2299]]);
    const media = resolveMedia(dataset, { path: '7.png' });
    expect(media.kind === 'file' && readFileSync(media.path).equals(Buffer.alloc(5000, 7))).toBe(true);
    await dataset.close();
    await expect(openDataset(join(folder, 'out'), { options: { split: 'dev' } })).rejects.toMatchObject({
      code: 'SPLIT_UNKNOWN',
    });
  });
});

describe('reading what others published', () => {
  const tables: [string, string, unknown, string[]][] = [
    [
      'question, choices and the number of one',
      `SELECT 'Which?' question, ['a', 'b'] choices, 1 answer, {bytes: '${PNG}1'::BLOB, path: 'q/1.png'} image`,
      ['Which?', 'b'],
      ['q/1.png'],
    ],
    [
      'answers of several people',
      `SELECT 'Who?' question, [{answer: 'me', n: 1}, {answer: 'you', n: 2}] answers, {bytes: '${PNG}2'::BLOB, path: NULL} image`,
      ['Who?', 'me'],
      [expect.stringMatching(/^[0-9a-f]{16}\.png$/) as unknown as string],
    ],
    [
      'a caption and bytes alone',
      `SELECT '${PNG}3'::BLOB jpg, 'A cat.' caption`,
      ['Describe the image.', 'A cat.'],
      [expect.stringMatching(/\.png$/) as unknown as string],
    ],
    [
      'turns in texts',
      `SELECT [{user: 'Q1', assistant: 'A1', source: 'x'}, {user: 'Q2', assistant: 'A2', source: 'x'}] texts, [{bytes: '${PNG}4'::BLOB, path: NULL}] images`,
      ['Q1', 'A1', 'Q2', 'A2'],
      [expect.stringMatching(/\.png$/) as unknown as string],
    ],
    [
      'conversations whose tag is missing',
      `SELECT [{"from": 'human', value: 'Hi'}, {"from": 'gpt', value: 'Ho'}] conversations, {bytes: '${PNG}5'::BLOB, path: '../../up.png'} image`,
      ['Hi', 'Ho'],
      [expect.stringMatching(/^[0-9a-f]{16}\.png$/) as unknown as string],
    ],
    [
      'messages with tags',
      `SELECT [{role: 'user', content: '<image>Hi'}, {role: 'assistant', content: 'Ho'}] messages, [{bytes: '${PNG}6'::BLOB, path: 'a.png'}] images`,
      ['Hi', 'Ho'],
      ['a.png'],
    ],
    [
      'prompt and completion',
      `SELECT [{role: 'user', content: [{type: 'image', text: NULL}, {type: 'text', text: 'Hi'}]}] prompt, [{role: 'assistant', content: [{type: 'text', text: 'Ho'}]}] completion, [{bytes: '${PNG}7'::BLOB, path: 'a.png'}] images`,
      ['Hi', 'Ho'],
      ['a.png'],
    ],
    [
      'images in numbered columns',
      `SELECT 'Both?' question, 'yes' answer, {bytes: '${PNG}8'::BLOB, path: 'a.png'} image_1, {bytes: '${PNG}9'::BLOB, path: 'a.png'} image_2, NULL::STRUCT(bytes BLOB, path VARCHAR) image_3`,
      ['Both?', 'yes'],
      ['a.png', expect.stringMatching(/^a-[0-9a-f]{8}\.png$/) as unknown as string],
    ],
  ];
  it.each(tables)('%s', async (_name, select, texts, images) => {
    const folder = room();
    const file = join(folder, 'train-00000-of-00001.parquet');
    await sql(folder, `COPY (${select}, 7::BIGINT AS extra, NULL::INT AS nothing) TO ${quote(file)} (FORMAT parquet)`);
    const [row] = await readAll(folder);
    expect(
      row!.messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))),
    ).toEqual(texts);
    expect(row!.media.images.map(({ path }) => path)).toEqual(images);
    expect(row!.meta).toMatchObject({ extra: 7 });
    expect(row!.meta).not.toHaveProperty('nothing');
    expect(row!.id).toMatch(/#0$/);
  });

  it('names classes by the metadata, and columns by the option', async () => {
    const folder = room();
    const features = JSON.stringify({ info: { features: { label: { _type: 'ClassLabel', names: ['cat', 'dog'] } } } });
    const file = join(folder, 'x.parquet');
    await sql(
      folder,
      `COPY (SELECT {bytes: '${PNG}'::BLOB, path: NULL} scan, 1::BIGINT AS label, 'What?' AS q) TO ${quote(file)} (FORMAT parquet, KV_METADATA {huggingface: ${quote(features)}})`,
    );
    const [row] = await readAll(file, { columns: { question: 'q' } });
    expect(row!.messages[0]!.parts.at(-1)).toEqual({ type: 'text', text: 'What?' });
    expect(row!.messages[1]!.parts).toEqual([{ type: 'text', text: 'dog' }]);
  });

  it('puts videos beside the shards, which hold images alone', async () => {
    const folder = room();
    mkdirSync(join(folder, 'in', 'clips'), { recursive: true });
    writeFileSync(join(folder, 'in', 'clips', 'v.mp4'), 'frames');
    const shown = sample('s', 'What happens?');
    shown.messages[0]!.parts.unshift({ type: 'video', video: 0 });
    shown.media.videos.push({ path: 'clips/v.mp4' });
    const out = join(folder, 'out');
    await writeDataset({ samples: [shown], format: 'parquet', out, mediaRoot: join(folder, 'in') });
    const dataset = await openDataset(out);
    const [back] = await dataset.get([0]);
    const media = resolveMedia(dataset, back!.media.videos[0]!);
    expect(media.kind === 'file' && readFileSync(media.path, 'utf8')).toBe('frames');
    await dataset.close();
  });

  it('says which file is damaged, and never crashes on one', async () => {
    const folder = room();
    const samples = Array.from({ length: 50 }, (_, i) => sample(`s${i}`, `text ${i} `.repeat(20), { i }));
    const whole = join(folder, 'whole.parquet');
    await writeDataset({ samples, format: 'parquet', out: whole, mediaRoot: folder });
    const bytes = readFileSync(whole);
    let n = 0;
    const open = async (content: Buffer): Promise<void> => {
      const path = join(folder, `${n++}.parquet`);
      writeFileSync(path, content);
      await readAll(path);
    };
    for (const length of [4, 100, bytes.length - 1, bytes.length - 9])
      await expect(open(bytes.subarray(0, length))).rejects.toMatchObject({
        code: 'PARQUET_DAMAGED',
        where: { file: join(folder, `${n - 1}.parquet`), offset: expect.any(Number) as number },
      });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
        const hurt = Buffer.from(bytes);
        hurt[at] = value;
        await open(hurt).catch((error: unknown) => {
          expect(error).toBeInstanceOf(WinnowError);
          expect((error as WinnowError).where.file).toBeDefined();
        });
      }),
      { numRuns: 40 },
    );
  });
});
