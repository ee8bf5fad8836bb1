import { expect, it } from 'vitest';
import { questions } from './questions.ts';

const line = {
  sentence: 'There is a tower with four blocks.',
  label: 'true',
  identifier: '3125-1',
  directory: '2',
  structured_rep: [[{ type: 'square' }]],
};

it("reads NLVR's statements as questions about the first of their pictures", () => {
  const read = questions.read(line, { file: 'dev.json', row: 0, options: {} });
  expect(read).toMatchObject({
    ok: true,
    sample: {
      id: '3125-1',
      media: { images: [{ path: 'images/2/dev-3125-1-0.png' }] },
      meta: { structured_rep: [[{ type: 'square' }]] },
    },
  });
  if (!read.ok) return;
  expect(read.sample.messages.map(({ parts }) => parts.at(-1))).toEqual([
    { type: 'text', text: line.sentence },
    { type: 'text', text: 'true' },
  ]);
});

it('has no answer where the test set hides its labels', () => {
  const { label: _, ...hidden } = line;
  const read = questions.read(hidden, { file: 'hidden.json', row: 0, options: {} });
  expect(read.ok && read.sample.messages.length).toBe(1);
});
