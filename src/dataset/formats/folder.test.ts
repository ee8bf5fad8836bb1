import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataset } from '../open/open.ts';
import type { Sample } from '../sample.ts';

/** A folder of such files; images are empty, since none is looked at. */
function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-imagefolder-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

async function rowsOf(folder: string, options: Record<string, unknown> = {}): Promise<[string, ...string[]][]> {
  const dataset = await openDataset(folder, { options });
  const samples = (await dataset.get(dataset.ids.map((_, row) => row))) as Sample[];
  await dataset.close();
  return samples.map((sample) => [
    sample.messages
      .at(-1)!
      .parts.map((part) => (part.type === 'text' ? part.text : part.type))
      .join(' '),
    ...sample.media.images.map(({ path }) => path),
    ...Object.entries(sample.meta).map((entry) => entry.join('=')),
  ]);
}

it.each([
  [
    'several images of a row',
    {
      'metadata.jsonl': '{"file_names": ["a.png", "b.png"], "text": "two"}\n{"file_names": ["c.png"], "text": "one"}\n',
    },
    [
      ['two', 'a.png', 'b.png'],
      ['one', 'c.png'],
    ],
  ],
  [
    'columns of files',
    { 'metadata.jsonl': '{"input_file_name": "a.png", "output_file_name": "b.png", "text": "brighter"}\n' },
    [
      ['image', 'c.png'],
      ['brighter', 'a.png', 'b.png'],
    ],
  ],
  [
    'semicolons',
    { 'metadata.csv': '\uFEFFfile_name;text\r\na.png;One, two\r\nb.png;Three\r\nc.png;Four\r\n' },
    [
      ['One, two', 'a.png'],
      ['Three', 'b.png'],
      ['Four', 'c.png'],
    ],
  ],
  [
    'a question with its answer',
    { 'metadata.csv': 'file_name,question,answer\na.png,Which?,Red\nb.png,Which?,Blue\nc.png,Which?,Green\n' },
    [
      ['Red', 'a.png'],
      ['Blue', 'b.png'],
      ['Green', 'c.png'],
    ],
  ],
])('reads the metadata of a folder as datasets does: %s', async (_, files, rows) => {
  expect(await rowsOf(folderOf({ 'a.png': '', 'b.png': '', 'c.png': '', ...files }))).toEqual(rows);
});

it('refuses metadata that names no file', async () => {
  const folder = folderOf({ 'a.png': '', 'metadata.jsonl': '{"path": "a.png", "text": "one"}\n' });
  await expect(rowsOf(folder)).rejects.toMatchObject({
    code: 'CAPTIONS_DAMAGED',
    message: expect.stringContaining('no row has a file_name among its columns path, text') as string,
  });
});

it('keeps splits apart by a column, says so, and reads one where it is asked to', async () => {
  const files = { 'train/a.png': '', 'dev/a.png': '', 'dev/metadata.jsonl': '{"file_name": "a.png", "text": "x"}\n' };
  const folder = folderOf(files);
  expect(await rowsOf(folder)).toEqual([
    ['x', 'dev/a.png', 'split=validation'],
    ['image', 'train/a.png', 'split=train'],
  ]);
  expect(await rowsOf(folder, { split: 'train' })).toEqual([['image', 'train/a.png', 'split=train']]);
  await expect(rowsOf(folder, { split: 'test' })).rejects.toMatchObject({ code: 'SPLIT_UNKNOWN' });
  const dataset = await openDataset(folder);
  expect(dataset.detected).toContain('splits validation, train together');
  await dataset.close();
});

it('names the command for a folder of Arrow files', async () => {
  const folder = folderOf({ 'state.json': '{}', 'dataset_info.json': '{}', 'data-00000-of-00001.arrow': '' });
  await expect(openDataset(folder)).rejects.toMatchObject({
    code: 'FORMAT_ARROW',
    hint: expect.stringContaining('load_from_disk') as string,
  });
});
