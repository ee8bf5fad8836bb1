import { expect, it } from 'vitest';
import type { Sample } from '../sample.ts';
import { trl } from './trl.ts';

const read = (record: unknown): Sample => {
  const result = trl.read(record, { file: 'x', row: 0, options: {} });
  if (!result.ok) throw result.error;
  return result.sample;
};

it('puts all images before the first user text where contents are plain strings, as TRL does', () => {
  const sample = read({
    messages: [
      { role: 'system', content: 'Short.' },
      { role: 'user', content: 'Compare <image>.' },
      { role: 'assistant', content: 'Same.' },
    ],
    images: ['a.jpg', 'b.jpg'],
  });
  expect(sample.messages[1]!.parts).toEqual([
    { type: 'image', image: 0 },
    { type: 'image', image: 1 },
    { type: 'text', text: 'Compare <image>.' },
  ]);
});

it('fills parts without a payload in order, leaves those with one, and is not fooled by the nulls of Arrow', () => {
  const text = { type: 'text', text: 'Hm?', image: null };
  const sample = read({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image', image: null },
          text,
          { type: 'image_url', image_url: { url: 'https://x.org/u.png', detail: 'auto' } },
          { type: 'image', text: null },
        ],
      },
      { role: 'assistant', content: 'Ah.' },
    ],
    images: ['a.jpg', { path: 'b.jpg', bytes: null }],
  });
  expect(sample.media.images.map(({ path }) => path)).toEqual(['a.jpg', 'https://x.org/u.png', 'b.jpg']);
  expect(sample.messages[0]!.parts.map((part) => part.type)).toEqual(['image', 'text', 'image', 'image']);
});

it('says both counts where images and parts differ', () => {
  const record = {
    messages: [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'Hm?' }] }],
    images: ['a', 'b'],
  };
  const result = trl.read(record, { file: 'x', row: 0, options: {} });
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'PLACEHOLDER_COUNT', message: '1 <image> placeholder for 2 image files' },
  });
});

it('keeps function calls as calls', () => {
  const call = { type: 'function', function: { name: 'look', arguments: { at: 'kite' } } };
  const record = {
    id: 'f',
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Look.' }] },
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', content: [{ type: 'text', text: 'red' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Red.' }] },
    ],
    images: [],
  };
  const sample = read(record);
  expect(sample.messages[1]).toEqual({
    role: 'assistant',
    call: true,
    parts: [{ type: 'text', text: JSON.stringify(call.function) }],
  });
  expect(trl.write(sample, { options: {} })).toEqual([record]);
});
