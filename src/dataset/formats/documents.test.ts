import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../open/open.ts';
import type { Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';

const room = (): string => mkdtempSync(join(tmpdir(), 'winnow-documents-'));

function put(folder: string, name: string, value: unknown, indent?: number): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, null, indent));
  return path;
}

async function rows(path: string, settings: Parameters<typeof openDataset>[1] = {}) {
  const dataset = await openDataset(path, settings);
  const samples = (await dataset.get([...dataset.ids.keys()])).filter((sample) => sample !== null);
  await dataset.close();
  return { ...dataset, samples };
}

const brief = ({ id, messages, media, meta }: Sample): unknown[] => [
  id,
  media.images.map(({ path }) => path),
  messages.map(({ parts }) => parts.map((part) => (part.type === 'text' ? part.text : part.type)).join('|')),
  meta,
];

const COCO = {
  info: { year: 2017 },
  images: [
    { license: 3, file_name: '000000391895.jpg', height: 360, id: 391895 },
    { license: 1, file_name: '000000522418.jpg', height: 480, id: 522418 },
  ],
  licenses: [],
  annotations: [
    { image_id: 522418, id: 68, caption: 'A woman cuts a cake.' },
    { image_id: 391895, id: 37, caption: 'A man on a red bike.' },
    { image_id: 7, id: 38, caption: 'Of an image that is not listed.' },
    { image_id: 391895, id: 49, caption: 'A man rides "uphill".\n' },
  ],
};

const QUESTIONS = {
  info: {},
  data_subtype: 'val2014',
  questions: [
    { image_id: 262148, question: 'Where is he looking?', question_id: 262148000 },
    { image_id: 393225, question: 'What is on the board?', question_id: 393225001 },
  ],
};
const answers = ['down', 'at table', 'down'].map((answer, i) => ({
  answer,
  answer_confidence: 'yes',
  answer_id: i + 1,
}));
const ANNOTATIONS = {
  annotations: [
    {
      question_type: 'where',
      multiple_choice_answer: 'down',
      answers,
      image_id: 262148,
      answer_type: 'other',
      question_id: 262148000,
    },
  ],
};

const GQA = {
  '02930152': { semantic: [], question: 'Is the sky dark?', imageId: '2354786', answer: 'yes', fullAnswer: 'Yes.' },
  '07333408': { question: 'What is \u00e9?', imageId: 'n161313' },
};

describe.each([undefined, 1])('files that are one JSON object (indent %s)', (indent) => {
  it('coco: one row a caption, with its image; several captions are several rows', async () => {
    const folder = room();
    const read = await rows(put(folder, 'captions.json', COCO, indent));
    expect(read.format).toBe('coco');
    expect(read.quarantined).toMatchObject([{ row: 2, id: '38', code: 'IMAGE_UNKNOWN' }]);
    expect(read.samples.map(brief)).toEqual([
      [
        '68',
        ['000000522418.jpg'],
        ['image|Describe the image.', 'A woman cuts a cake.'],
        { image_id: 522418, coco_image: { license: 1, height: 480 } },
      ],
      [
        '37',
        ['000000391895.jpg'],
        ['image|Describe the image.', 'A man on a red bike.'],
        { image_id: 391895, coco_image: { license: 3, height: 360 } },
      ],
      [
        '49',
        ['000000391895.jpg'],
        ['image|Describe the image.', 'A man rides "uphill".\n'],
        { image_id: 391895, coco_image: { license: 3, height: 360 } },
      ],
    ]);
    const out = join(folder, 'out.json.gz');
    await writeDataset({ samples: read.samples, format: 'coco', out, mediaRoot: folder });
    expect((await rows(out)).samples).toEqual(read.samples);
    // Trainers' formats have a column for the image, which COCO's fields of it don't stand in the way of.
    const lists = join(folder, 'llava.json');
    await writeDataset({ samples: read.samples, format: 'llava', out: lists, mediaRoot: folder, media: 'keep' });
    expect((await rows(lists)).samples).toEqual(read.samples);
  });

  it('vqa: questions with their annotations, which are found by name', async () => {
    const folder = room();
    const file = put(folder, 'v2_OpenEnded_mscoco_val2014_questions.json', QUESTIONS, indent);
    expect((await rows(file)).detected).toContain('no annotations beside it');
    put(folder, 'v2_mscoco_val2014_annotations.json', ANNOTATIONS, indent);
    const read = await rows(folder, { cacheDir: join(folder, 'cache') });
    expect(read.detected).toContain('answers from v2_mscoco_val2014_annotations.json');
    expect(read.samples.map(brief)).toEqual([
      [
        '262148000',
        ['COCO_val2014_000000262148.jpg'],
        ['image|Where is he looking?', 'down'],
        { image_id: 262148, question_type: 'where', answer_type: 'other', answers },
      ],
      ['393225001', ['COCO_val2014_000000393225.jpg'], ['image|What is on the board?'], { image_id: 393225 }],
    ]);
    expect((await rows(folder, { cacheDir: join(folder, 'cache') })).samples).toEqual(read.samples);
    const out = join(folder, 'new', 'my_questions.json');
    const { files } = await writeDataset({ samples: read.samples, format: 'vqa', out, mediaRoot: folder });
    expect(files.map((path) => path.slice(folder.length))).toEqual([
      '/new/my_questions.json',
      '/new/my_annotations.json',
    ]);
    const { questions, data_subtype } = JSON.parse(readFileSync(files[0]!, 'utf8')) as typeof QUESTIONS;
    expect({ questions, data_subtype }).toEqual({ questions: QUESTIONS.questions, data_subtype: 'val2014' });
    expect(JSON.parse(readFileSync(files[1]!, 'utf8'))).toEqual(ANNOTATIONS);
    expect((await rows(out)).samples).toEqual(read.samples);
    writeFileSync(`${out}.gz`, gzipSync(readFileSync(out)));
    const told = { options: { annotations: files[1]!, template: 'val/{id}.png' } };
    const other = await rows(`${out}.gz`, told);
    expect(other.samples.map(({ media }) => media.images[0]!.path)).toEqual(['val/262148.png', 'val/393225.png']);
    expect(other.samples[0]!.messages).toHaveLength(2);
  });

  it('gqa: questions by their ids, read by place', async () => {
    const folder = room();
    const read = await rows(put(folder, 'questions.json', GQA, indent));
    expect(read.format).toBe('gqa');
    expect(read.samples.map(brief)).toEqual([
      ['02930152', ['2354786.jpg'], ['image|Is the sky dark?', 'yes'], { semantic: [], fullAnswer: 'Yes.' }],
      ['07333408', ['n161313.jpg'], ['image|What is \u00e9?'], {}],
    ]);
    const out = join(folder, 'out.json');
    await writeDataset({ samples: read.samples, format: 'gqa', out, mediaRoot: folder });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(GQA);
    expect((await rows(out)).samples).toEqual(read.samples);
  });

  it('a list in a wrapper is that list, and one record by itself is one row', async () => {
    const folder = room();
    const record = { id: 'a', image: 'a.jpg', conversations: [{ from: 'human', value: '<image>\nHm?' }] };
    const wrapped = await rows(
      put(folder, 'wrapped.json', { version: 1, data: [record, { ...record, id: 'b' }] }, indent),
    );
    expect([wrapped.format, ...wrapped.ids]).toEqual(['llava', 'a', 'b']);
    expect([...(await rows(put(folder, 'one.json', record, indent))).ids]).toEqual(['a']);
  });
});

it('says that a file without the list is not of the format that was told', async () => {
  const path = put(room(), 'x.json', { a: 1, b: [2] });
  for (const format of ['coco', 'vqa'])
    await expect(openDataset(path, { format })).rejects.toMatchObject({ code: 'FORMAT_MISFIT', exitCode: 2 });
});

it('names the place where one object ends too early', async () => {
  const folder = room();
  for (const [name, value] of Object.entries({ coco: COCO, gqa: GQA })) {
    const path = put(folder, `${name}.json`, value);
    writeFileSync(path, readFileSync(path).subarray(0, -20));
    await expect(openDataset(path)).rejects.toMatchObject({ code: 'FILE_TRUNCATED', where: { file: path } });
  }
});

it('reads the captions of an image folder from metadata.csv, at the top or below', async () => {
  const folder = room();
  for (const name of ['a.png', 'train/b.png']) put(folder, name, 'pixels');
  writeFileSync(join(folder, 'metadata.csv'), 'file_name,text\na.png,"A cat, asleep"\n');
  writeFileSync(join(folder, 'train', 'metadata.csv'), 'file_name,text,source\r\nb.png,A dog.,web\r\n');
  expect((await rows(folder)).samples.map(brief)).toEqual([
    ['a.png', ['a.png'], ['image|Describe the image.', 'A cat, asleep'], {}],
    ['train/b.png', ['train/b.png'], ['image|Describe the image.', 'A dog.'], { source: 'web', category: 'train' }],
  ]);
});
