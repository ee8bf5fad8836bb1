import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { doctor } from '../doctor.ts';

const rows = [
  {
    id: 'a',
    conversations: [
      { from: 'human', value: '<image>\nWhat?' },
      { from: 'gpt', value: 'A cat.' },
    ],
    system: '',
    images: ['a.png'],
  },
];

function planted(entry: object, data: unknown = rows): string {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-map-'));
  writeFileSync(join(folder, 'mm.json'), JSON.stringify(data));
  writeFileSync(
    join(folder, 'dataset_info.json'),
    JSON.stringify({ mm: { file_name: 'mm.json', formatting: 'sharegpt', ...entry } }),
  );
  return join(folder, 'mm.json');
}

const map = async (path: string) =>
  (await doctor(null, { path, only: ['D008'] })).findings.map(({ sample_ids, details }) => [sample_ids, details]);

it('finds columns and tags that the registry leaves out, and is silent about a complete map', async () => {
  const columns = { messages: 'conversations', images: 'images' };
  expect(await map(planted({ columns }))).toEqual([]);
  expect(await map(planted({ columns: { messages: 'conversations' } }))).toEqual([
    [['a'], ['dataset_info.json leaves out columns.images']],
  ]);
  expect(await map(planted({}))).toEqual([[['a'], ['dataset_info.json leaves out columns.images']]]);
  expect(await map(planted({ columns: { images: 'images' } }))).toEqual([
    [['a'], ['dataset_info.json leaves out columns.messages']],
  ]);
  const tags = { role_tag: 'from', content_tag: 'value', user_tag: 'human' };
  expect(await map(planted({ columns, tags }))).toEqual([
    [['a'], ['dataset_info.json leaves out the tag of role "gpt"']],
  ]);
  expect(await map(planted({ columns, tags: { ...tags, assistant_tag: 'gpt' } }))).toEqual([]);
});

it('writes the complete map beside the new version', async () => {
  const path = planted({ columns: { messages: 'conversations' } });
  const out = join(path, '..', 'new');
  const { fixed } = await doctor(null, { path, only: ['D008'], fix: true, out });
  expect(fixed?.changed).toEqual({ D008: 1 });
  expect(await map(fixed!.path)).toEqual([]);
});
