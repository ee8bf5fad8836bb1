import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Dataset } from '../dataset/dataset.ts';
import { openDataset } from '../dataset/open/open.ts';
import { mediaMarks } from './row-marks.ts';

const turns = [
  { role: 'user', content: '<video>What happens?' },
  { role: 'assistant', content: 'It grows.' },
];
const image = (path: string) => ({
  messages: [{ role: 'user', content: '<image>What?' }, turns[1]],
  images: [path],
});

it('marks rows by their media without reading a row, and sees every frame of a video change', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-marks-'));
  const cacheDir = join(folder, 'cache');
  mkdirSync(cacheDir);
  for (const name of ['0.jpg', '1.jpg', 'a.png', 'b.png']) writeFileSync(join(folder, name), name);
  const rows = [
    { messages: turns, videos: [['0.jpg', '1.jpg']] },
    image('a.png'),
    image('b.png'),
    image('a.png'),
    image('data:image/png;base64,AAAA'),
    { messages: [{ role: 'user', content: 'No image.' }, turns[1]] },
  ];
  const path = join(folder, 'data.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const marksOf = async (): Promise<string[]> => {
    const dataset = await openDataset(path, { cacheDir });
    const unread: Dataset = {
      ...dataset,
      batches: () => {
        throw new Error('rows were read');
      },
    };
    const marks = Buffer.from(mediaMarks(unread)).toString('hex');
    await dataset.close();
    return rows.map((_, row) => marks.slice(row * 16, row * 16 + 16));
  };
  const built = await marksOf();
  // From the saved index, the same.
  expect(await marksOf()).toEqual(built);
  expect(built[3]).toBe(built[1]);
  expect(new Set(built).size).toBe(5);
  writeFileSync(join(folder, '1.jpg'), 'another frame');
  writeFileSync(join(folder, 'b.png'), 'another image');
  const after = await marksOf();
  expect(after.map((mark, row) => mark !== built[row])).toEqual([true, false, true, false, false, false]);
});
