import { expect, it } from 'vitest';
import { formatNamed } from './detect.ts';

const context = { file: 'data.json', row: 0, options: {} };
const text = 'Picture 1: <img>a b.jpg</img>\nPicture 2: <img>https://host/c.png</img>\nWhat changed?';

it.each([
  [
    'qwen-vl',
    {
      id: '1',
      conversations: [
        { from: 'user', value: text },
        { from: 'assistant', value: 'A bench.' },
      ],
    },
  ],
  [
    'swift',
    {
      messages: [
        { role: 'user', content: text },
        { role: 'assistant', content: 'A bench.' },
      ],
    },
  ],
])('%s takes images out of the text, in their order', (name, record) => {
  const read = formatNamed(name).read(record, context);
  expect(read.ok && read.sample.media.images).toEqual([{ path: 'a b.jpg' }, { path: 'https://host/c.png' }]);
  expect(read.ok && read.sample.messages[0]!.parts).toEqual([
    { type: 'text', text: 'Picture 1: ' },
    { type: 'image', image: 0 },
    { type: 'text', text: 'Picture 2: ' },
    { type: 'image', image: 1 },
    { type: 'text', text: 'What changed?' },
  ]);
});

it('is detected as Qwen-VL, also with ids', () => {
  const records = [{ id: 'identity_0', conversations: [{ from: 'user', value: text }] }];
  const probe = { path: 'a.json', isFolder: false, entries: [], head: new Uint8Array(), members: [], records };
  const sniffs = ['qwen-vl', 'llava'].map(
    (name) => formatNamed(name).sniff({ ...probe, container: 'array' }).confidence,
  );
  expect(sniffs[0]).toBeGreaterThan(sniffs[1]!);
});
