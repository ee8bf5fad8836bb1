import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataset } from '../open/open.ts';
import type { Sample } from '../sample.ts';
import { writeDataset } from '../verbs/write.ts';
import { alpaca } from './alpaca.ts';

const text = (sample: Sample): string[] =>
  sample.messages.map(
    ({ role, parts }) => `${role}: ${parts.map((part) => (part.type === 'text' ? part.text : part.type)).join('|')}`,
  );

it('reads the columns that a registry entry names, joins instruction and input, and puts history first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-alpaca-'));
  const columns = { prompt: 'q', query: 'more', response: 'a', history: 'past', system: 'sys', images: 'pics' };
  writeFileSync(join(folder, 'dataset_info.json'), JSON.stringify({ set: { file_name: 'x.json', columns } }));
  const row = {
    q: '<image>What?',
    more: 'Briefly.',
    a: 'A kite.',
    past: [['Hi', 'Hello']],
    sys: 'Be kind.',
    pics: 'a.png',
  };
  writeFileSync(
    join(folder, 'x.json'),
    JSON.stringify([
      { ...row, level: 3 },
      { q: 'Say', past: null },
    ]),
  );
  const dataset = await openDataset(folder);
  expect(dataset.detected).toBe('Alpaca (LLaMA-Factory): JSON array, entry "set" of dataset_info.json');
  const [first, second] = (await dataset.get([0, 1])) as Sample[];
  expect(text(first!)).toEqual([
    'system: Be kind.',
    'user: Hi',
    'assistant: Hello',
    'user: image|What?\nBriefly.',
    'assistant: A kite.',
  ]);
  expect(first!.meta).toEqual({ level: 3, tag_gaps: [null, null, null, ['', '', ''], null], row_form: { input: 8 } });
  expect(text(second!)).toEqual(['user: Say']);
  await dataset.close();
  const out = join(folder, 'out', 'y.json.gz');
  await writeDataset({ samples: [first!], format: 'alpaca', out, mediaRoot: folder });
  const registry: unknown = JSON.parse(readFileSync(join(folder, 'out', 'dataset_info.json'), 'utf8'));
  expect(registry).toMatchObject({
    y: { file_name: 'y.json.gz', formatting: 'alpaca', columns: { prompt: 'instruction' } },
  });
  const back = await openDataset(join(folder, 'out'));
  expect((await back.get([0]))[0]).toEqual(first);
  await back.close();
});

it.each([
  ['apart', '<image>What?', 'Briefly.\nAnd well.'],
  ['an input alone', '', '<image>Say it.'],
  ['an instruction alone', '<image>Two\nlines.', ''],
])('writes instruction and input as it read them: %s', (_what, instruction, input) => {
  const row = { id: 'a', instruction, input, output: 'Yes.', system: '', history: [], images: ['a.png'], videos: [] };
  const read = alpaca.read(row, { file: 'x', row: 0, options: {} });
  expect(read.ok && alpaca.write(read.sample, { options: {} })).toEqual([row]);
});

it.each([
  ['no instruction', { output: 'x' }, 'RECORD_SHAPE'],
  ['history of something else', { instruction: 'a', output: 'b', history: [['a']] }, 'RECORD_SHAPE'],
  ['more tags than images', { instruction: '<image>', output: 'b', images: [] }, 'PLACEHOLDER_COUNT'],
])('sets aside a row with %s', (_what, record, code) => {
  expect(alpaca.read(record, { file: 'x', row: 2, options: {} })).toMatchObject({ ok: false, error: { code } });
});
