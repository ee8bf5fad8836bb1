import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertDataset } from './convert.ts';
import { mergeDatasets } from './merge.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-merge-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Row {
  id: string;
  image: string;
  answer?: string;
}

/** A LLaVA file `<name>/d.json`; every image that isn't there is made of `<content> <path>`. */
function llava(name: string, rows: Row[], content = 'picture'): string {
  mkdirSync(join(folder, name, 'images'), { recursive: true });
  for (const { image } of rows)
    if (/^images\/[\w.]+$/.test(image)) writeFileSync(join(folder, name, image), `${content} ${image}`);
  const records = rows.map(({ id, image, answer = 'It is.' }) => ({
    id,
    image,
    conversations: [
      { from: 'human', value: '<image>\nWhat?' },
      { from: 'gpt', value: answer },
    ],
  }));
  writeFileSync(join(folder, name, 'd.json'), JSON.stringify(records));
  return join(folder, name, 'd.json');
}

function readRows(file: string): Row[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Row[];
}

it('joins media roots and makes ids unique, and says so', async () => {
  const a = llava('a', [
    { id: 'x', image: 'images/1.png' },
    { id: 'y', image: 'images/2.png' },
  ]);
  const b = llava('b', [{ id: 'x', image: 'images/1.png' }], 'another');
  const out = join(folder, 'out', 'all.json');
  const result = await mergeDatasets({ inputs: [a, b], out });
  expect(result).toMatchObject({ rows: 3, mediaFiles: 3, duplicates: 0, media: 'link' });
  expect(result.renamed).toEqual({ count: 1, first: [{ input: b, from: 'x', to: 'x~2' }] });
  const rows = readRows(out);
  expect(rows.map(({ id }) => id)).toEqual(['x', 'y', 'x~2']);
  const contents = rows.map(({ image }) => readFileSync(join(folder, 'out', image), 'utf8'));
  expect(contents).toEqual(['picture images/1.png', 'picture images/2.png', 'another images/1.png']);
  await expect(mergeDatasets({ inputs: [a, b], out: join(folder, 'k.json'), media: 'keep' })).rejects.toMatchObject({
    code: 'MEDIA_ROOTS_DIFFER',
  });
});

it('takes inputs of different formats, and drops what is repeated by id or by content', async () => {
  const a = llava('a', [{ id: 'x', image: 'images/1.png' }]);
  const trl = join(folder, 'trl', 'd.jsonl');
  await convertDataset({ input: a, output: trl, to: 'trl' });
  const c = llava('c', [
    { id: 'x', image: 'images/9.png', answer: 'Another.' },
    { id: 'z', image: 'images/1.png' },
  ]);
  const rows = async (dedupe: 'none' | 'id' | 'content'): Promise<string[]> => {
    const out = join(folder, `${dedupe}.json`);
    await mergeDatasets({ inputs: [a, trl, c], out, dedupe });
    return readRows(out).map(({ id }) => id);
  };
  expect(await rows('none')).toEqual(['x', 'x~2', 'x~3', 'z']);
  expect(await rows('id')).toEqual(['x', 'z']);
  // z is x under another name, with the same turns and the same bytes of its image.
  expect(await rows('content')).toEqual(['x', 'x~2']);
});

it('never reads outside of a media root, whatever the paths of a row say', async () => {
  writeFileSync(join(folder, 'secret.png'), 'secret');
  mkdirSync(join(folder, 'a', 'images'), { recursive: true });
  symlinkSync(join(folder, 'secret.png'), join(folder, 'a', 'images', 'door.png'));
  symlinkSync(folder, join(folder, 'a', 'images', 'way'));
  const paths = [
    '../secret.png',
    'images/../../secret.png',
    join(folder, 'secret.png'),
    `file://${join(folder, 'secret.png')}`,
    'images/door.png',
    'images/way/secret.png',
    'file:///../secret.png',
    '/etc/passwd',
  ];
  const a = llava(
    'a',
    paths.map((image, i) => ({ id: `r${i}`, image })),
  );
  for (const media of ['link', 'copy', 'embed'] as const) {
    for (const to of ['llava', 'sharegpt', 'trl', 'neutral', 'parquet', 'webdataset']) {
      const output = join(folder, `${to}-${media}`);
      const holdsFiles = to === 'parquet' || to === 'webdataset';
      const result = await convertDataset({ input: a, output, to, lossy: true, media: holdsFiles ? undefined : media });
      expect(result.mediaFiles, `${to} ${media}`).toBe(0);
      for (const file of result.files) {
        const bytes = readFileSync(file, 'latin1');
        expect(bytes.includes(Buffer.from('secret').toString('base64')), `${to} ${media}`).toBe(false);
        expect(/secret(?!\.png)/.test(bytes), `${to} ${media}`).toBe(false);
      }
    }
  }
  const merged = await mergeDatasets({ inputs: [a, a], out: join(folder, 'm.json'), media: 'copy' });
  expect(merged.mediaFiles).toBe(0);
});

it('replaces neither an input nor, unasked, a file', async () => {
  const a = llava('a', [{ id: 'x', image: 'images/1.png' }]);
  await expect(convertDataset({ input: a, output: a, force: true })).rejects.toMatchObject({ code: 'OUTPUT_IS_INPUT' });
  const output = join(folder, 'b.json');
  writeFileSync(output, 'mine');
  await expect(convertDataset({ input: a, output })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  expect(readFileSync(output, 'utf8')).toBe('mine');
  await expect(convertDataset({ input: a, output: join(folder, 'b.csvx') })).rejects.toMatchObject({
    code: 'FORMAT_UNSAID',
  });
  expect(await convertDataset({ input: a, output, force: true, dryRun: true })).toMatchObject({ rows: 1 });
  expect(readFileSync(output, 'utf8')).toBe('mine');
});
