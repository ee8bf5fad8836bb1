import { expect, it } from 'vitest';
import type { Format } from '../format.ts';
import { lossesOf } from '../verbs/write.ts';
import { formatNamed } from './detect.ts';

const tagged = (from: string, value: string) => ({ from, value });
const typed = (role: string, text: string) => ({ role, content: [{ type: 'text', text }] });
const asked = { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'How many?' }] };

const SPELLINGS: [string, string, Record<string, unknown>][] = [
  [
    'LLaMA-Factory ranking',
    'sharegpt',
    {
      id: 'a',
      conversations: [tagged('human', '<image>How many?')],
      chosen: tagged('gpt', 'Five.'),
      rejected: tagged('gpt', 'Nine.'),
      system: '',
      images: ['a.png'],
      videos: [],
    },
  ],
  [
    'Alpaca ranking',
    'alpaca',
    {
      id: 'a',
      instruction: '<image>\nHow many?',
      input: '',
      chosen: 'Five.',
      rejected: 'Nine.',
      system: '',
      history: [],
      images: ['a.png'],
      videos: [],
    },
  ],
  [
    'TRL with a prompt',
    'trl',
    {
      id: 'a',
      prompt: [asked],
      chosen: [typed('assistant', 'Five.')],
      rejected: [typed('assistant', 'Nine.')],
      images: ['a.png'],
    },
  ],
  [
    'TRL with the prompt in both',
    'trl',
    {
      id: 'a',
      chosen: [asked, typed('assistant', 'Five.')],
      rejected: [asked, typed('assistant', 'Nine.')],
      images: ['a.png'],
    },
  ],
  ['TRL as texts', 'trl', { id: 'a', prompt: 'How many?', chosen: 'Five.', rejected: 'Nine.', images: ['a.png'] }],
  [
    'ms-swift with a text',
    'swift',
    {
      id: 'a',
      messages: [
        { role: 'user', content: '<image>How many?' },
        { role: 'assistant', content: 'Five.' },
      ],
      rejected_response: 'Nine.',
      images: ['a.png'],
    },
  ],
  [
    'ms-swift with messages',
    'swift',
    {
      id: 'a',
      messages: [
        { role: 'user', content: '<image>How many?' },
        { role: 'assistant', content: 'Five.' },
      ],
      rejected_messages: [
        { role: 'user', content: '<image>How many?' },
        { role: 'assistant', content: 'Nine.' },
      ],
      images: ['a.png'],
    },
  ],
];

const through = (format: Format, sample: Parameters<Format['write']>[0]): unknown =>
  JSON.parse(JSON.stringify(format.write(sample, { options: { ids: true } })[0]));

it.each(SPELLINGS)(
  'reads a preference pair, writes it as it was, also by way of every format that holds one: %s',
  (_, name, record) => {
    const format = formatNamed(name);
    const result = format.read(record, { file: 'x', row: 0, options: {} });
    if (!result.ok) throw result.error;
    const { sample } = result;
    expect(sample.preference?.rejected.map(({ parts }) => parts)).toEqual([[{ type: 'text', text: 'Nine.' }]]);
    expect(sample.messages.at(-1)!.parts).toEqual([{ type: 'text', text: 'Five.' }]);
    for (const way of ['sharegpt', 'alpaca', 'trl', 'swift', 'neutral', 'webdataset', 'parquet'].map(formatNamed)) {
      expect(lossesOf(way, sample, { options: {} })).toEqual([]);
      const back = way.read(through(way, sample), { file: 'x', row: 0, options: {} });
      if (!back.ok) throw back.error;
      expect([way.name, through(format, back.sample)]).toEqual([way.name, record]);
    }
    for (const way of ['llava', 'axolotl', 'qwen-vl'].map(formatNamed))
      expect(lossesOf(way, sample, { options: {} })).toContain('rejected answer of a preference pair');
  },
);
