import { expect, it } from 'vitest';
import type { Format } from '../format.ts';
import type { Sample } from '../sample.ts';
import { axolotl } from './axolotl.ts';
import { openai } from './openai.ts';
import { swift } from './swift.ts';

function read(format: Format, record: unknown): Sample {
  const result = format.read(record, { file: 'x.jsonl', row: 0, options: {} });
  if (!result.ok) throw result.error;
  return result.sample;
}

const call = (id: string, at: string) => ({
  id,
  type: 'function',
  function: { name: 'look', arguments: JSON.stringify({ at }) },
});
const image = (url: string, detail = 'auto') => ({ type: 'image_url', image_url: { url, detail } });

it.each([
  ['by their order', ['call_0', 'call_1', 'call_2'], undefined],
  [
    'of their own',
    ['a', 'b', 'c'],
    [null, { tool_call_id: 'a' }, { tool_call_id: 'b' }, null, null, { tool_call_id: 'c' }, null, null],
  ],
])('ties tools to calls with ids %s, and gives back what it read', (_what, ids, kept) => {
  const [first, second, third] = ids as [string, string, string];
  const record = {
    messages: [
      { role: 'user', content: [image('https://x.org/a.png'), { type: 'text', text: 'Which?' }] },
      { role: 'assistant', tool_calls: [call(first, 'left'), call(second, 'right')] },
      { role: 'tool', content: 'red', tool_call_id: first },
      { role: 'tool', content: 'blue', tool_call_id: second },
      { role: 'assistant', tool_calls: [call(third, 'top')] },
      { role: 'tool', content: 'grey', tool_call_id: third },
      { role: 'assistant', content: 'All.' },
    ],
    tools: [{ type: 'function', function: { name: 'look' } }],
  };
  const sample = read(openai, record);
  expect(sample.messages.slice(1, 3).map(({ parts }) => parts)).toEqual([
    [{ type: 'text', text: '{"name":"look","arguments":{"at":"left"}}' }],
    [{ type: 'text', text: '{"name":"look","arguments":{"at":"right"}}' }],
  ]);
  if (kept === undefined) expect(sample.meta).not.toHaveProperty('message_columns');
  else expect(sample.meta.message_columns).toMatchObject(kept);
  expect(openai.write(sample, { options: {} })).toEqual([record]);
});

it('keeps the detail of images, data URIs, names and weights of turns', () => {
  const record = {
    messages: [
      { role: 'system', content: 'Short.', name: 'boss' },
      { role: 'user', content: [image('data:image/png;base64,AAAA', 'low'), image('b.png')] },
      { role: 'assistant', content: 'Two.', weight: 0 },
    ],
  };
  expect(openai.write(read(openai, record), { options: {} })).toEqual([record]);
});

it('takes base64 with and without its type in axolotl files, and writes paths, URLs and data URIs each under its key', () => {
  const png = 'iVBORw0KGgoAAAA=';
  const content = [
    { type: 'image', base64: png },
    { type: 'image', url: 'https://x.org/a.png' },
    { type: 'video', path: '/v.mp4' },
  ];
  const sample = read(axolotl, { messages: [{ role: 'user', content }] });
  expect(sample.media.images.map(({ path }) => path)).toEqual([`data:image/png;base64,${png}`, 'https://x.org/a.png']);
  expect(axolotl.write(sample, { options: {} })).toEqual([
    {
      messages: [
        { role: 'user', content: [{ type: 'image', base64: `data:image/png;base64,${png}` }, ...content.slice(1)] },
      ],
    },
  ]);
});

it('keeps objects, the loss of single turns and tools of ms-swift files', () => {
  const record = {
    messages: [
      { role: 'user', content: '<image>\nFind <ref-object>' },
      { role: 'tool_call', content: '{"name":"find","arguments":{}}' },
      { role: 'tool_response', content: 'found' },
      { role: 'assistant', content: '<bbox>', loss: false },
    ],
    images: ['/a.png'],
    objects: { ref: ['kite'], bbox: [[1, 2, 3, 4]] },
  };
  expect(swift.write(read(swift, record), { options: {} })).toEqual([record]);
});

it('knows a file without images by the arguments of its calls, which are text', () => {
  const call = (given: unknown) => ({
    messages: [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'w', arguments: given } }] },
    ],
  });
  const probe = { path: 'x', isFolder: false, entries: [], head: new Uint8Array(), members: [] };
  const sniff = (given: unknown) => openai.sniff({ ...probe, container: 'lines', records: [call(given)] }).confidence;
  expect(sniff('{"city": "Paris"}')).toBeGreaterThan(0.9);
  expect(sniff({ city: 'Paris' })).toBe(0);
});

it('reads preference pairs, writes them again, and gives them to formats that have them', () => {
  const record = {
    input: {
      messages: [{ role: 'user', content: [image('a.png'), { type: 'text', text: 'Which?' }] }],
      tools: [{ type: 'function', function: { name: 'look' } }],
      parallel_tool_calls: true,
    },
    preferred_output: [{ role: 'assistant', content: 'Red.' }],
    non_preferred_output: [{ role: 'assistant', tool_calls: [call('call_0', 'left')] }],
    level: 3,
  };
  const sample = read(openai, record);
  expect(sample.preference?.from).toBe(1);
  expect(openai.write(sample, { options: {} })).toEqual([record]);
  const plain = read(openai, { ...record, non_preferred_output: [{ role: 'assistant', content: 'Blue.' }] });
  expect(swift.write(plain, { options: {} })).toMatchObject([
    { messages: [{ content: '<image>\nWhich?' }, { content: 'Red.' }], rejected_response: 'Blue.', images: ['a.png'] },
  ]);
  const probe = { path: 'x', isFolder: false, entries: [], head: new Uint8Array(), members: [] };
  expect(openai.sniff({ ...probe, container: 'lines', records: [record] }).confidence).toBeGreaterThan(0.9);
});
