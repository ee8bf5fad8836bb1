import { expect, it } from 'vitest';
import type { Format } from '../format.ts';
import type { Sample } from '../sample.ts';
import { openai } from './openai.ts';
import { sharegpt } from './sharegpt.ts';
import { swift } from './swift.ts';
import { trl } from './trl.ts';

const read = (format: Format, record: unknown): Sample => {
  const result = format.read(record, { file: 'x', row: 0, options: {} });
  if (!result.ok) throw result.error;
  return result.sample;
};
const write = (format: Format, sample: Sample): Record<string, unknown> =>
  JSON.parse(JSON.stringify(format.write(sample, { options: { ids: true } })[0])) as Record<string, unknown>;
const call = (id: string, spelled: string) => ({
  id,
  type: 'function',
  function: { name: 'crop', arguments: spelled },
});

const said = {
  id: 's',
  messages: [
    { role: 'user', content: 'Which corner?' },
    { role: 'assistant', content: 'Closer.', tool_calls: [call('c1', '{"box": [0, 8.0]}'), call('c2', '{"box":[9]}')] },
    { role: 'tool', content: 'blue', tool_call_id: 'c1' },
    { role: 'tool', content: 'red', tool_call_id: 'c2' },
    { role: 'assistant', content: 'None.' },
  ],
};

it('writes what is said before calls as a turn of its own for ms-swift, then one turn a call, and finds them together again', () => {
  const sample = read(openai, said);
  const turns = write(swift, sample).messages as { role: string; content: string }[];
  expect(turns.map(({ role, content }) => `${role}: ${content}`)).toEqual([
    'user: Which corner?',
    'assistant: Closer.',
    'tool_call: {"name": "crop", "arguments": {"box": [0, 8.0]}}',
    'tool_call: {"name":"crop","arguments":{"box":[9]}}',
    'tool_response: blue',
    'tool_response: red',
    'assistant: None.',
  ]);
  for (const format of [swift, trl, openai]) expect(read(format, write(format, sample))).toEqual(sample);
  expect(write(openai, read(swift, write(swift, sample)))).toEqual(said);
});

it('keeps two turns of the assistant apart where the second one calls', () => {
  const record = {
    id: 's',
    messages: [
      { role: 'user', content: 'Hm?' },
      { role: 'assistant', content: 'Wait.' },
      { role: 'assistant', tool_calls: [call('call_0', '{}')] },
      { role: 'tool', content: 'x', tool_call_id: 'call_0' },
    ],
  };
  const { messages } = write(openai, read(openai, record)) as { messages: object[] };
  expect(messages.slice(0, 2)).toEqual(record.messages.slice(0, 2));
  expect(messages).toHaveLength(4);
});

it.each([
  ['spaced as Python does', '{"name": "a", "arguments": {"n": 1.0}}'],
  ['a list', '[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {"x": [1,2]}}]'],
  ['a list of one, oddly spaced', '[ {"name":"a" , "arguments":{}} ]'],
])('takes every valid JSON of a call, and gives it back to the letter: %s', (_, value) => {
  const record = {
    conversations: [
      { from: 'human', value: 'Hm?' },
      { from: 'function_call', value },
      { from: 'observation', value: 'x' },
      { from: 'gpt', value: 'Ah.' },
    ],
  };
  const sample = read(sharegpt, record);
  for (const format of [openai, trl, swift]) {
    expect(format.cannotHold(sample, { options: {} })).toEqual([]);
    const back = read(format, write(format, sample));
    expect(write(sharegpt, back).conversations).toEqual(record.conversations);
  }
});

it('never writes the answer of a tool whose call is not written', () => {
  const sample = read(swift, {
    messages: [
      { role: 'user', content: 'Hm?' },
      { role: 'tool_call', content: 'crop the corner' },
      { role: 'tool_response', content: 'red' },
      { role: 'assistant', content: 'Red.' },
    ],
  });
  expect(openai.cannotHold(sample, { options: {} })).toEqual([
    'function call that is not JSON',
    'answer of a tool without its call',
  ]);
  const { messages } = write(openai, sample) as { messages: { role: string }[] };
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'assistant']);
});
