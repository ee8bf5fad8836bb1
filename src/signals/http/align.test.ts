import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../dataset/sample.ts';
import type { VllmChat } from '../../teacher/vllm.ts';
import { type AnswerTokens, alignAnswers, imageTokens, type ScoredTail } from './align.ts';
import { answersByServer } from './answers.ts';
import { asksOf, chatMessages, withoutImages } from './ask.ts';

const text = (role: Message['role'], words: string): Message => ({ role, parts: [{ type: 'text', text: words }] });
const shows = (image: number): Message => ({
  role: 'user',
  parts: [
    { type: 'image', image },
    { type: 'text', text: 'What?' },
  ],
});

describe('alignment', () => {
  /** A conversation of letters, one or two answers, and a prompt that images have made longer. */
  const cases = fc
    .record({
      before: fc.integer({ min: 1, max: 6 }),
      answers: fc.array(fc.record({ length: fc.integer({ min: 1, max: 4 }), after: fc.integer({ min: 0, max: 3 }) }), {
        minLength: 1,
        maxLength: 2,
      }),
      image: fc.integer({ min: 0, max: 9 }),
      cut: fc.integer({ min: 0, max: 20 }),
    })
    .map(({ before, answers, image, cut }) => {
      const spans: { start: number; end: number }[] = [];
      let at = before;
      for (const { length, after } of answers) {
        spans.push({ start: at, end: at + length });
        at += length + after;
      }
      const ids = Array.from({ length: at }, (_, t) => 100 + t);
      const whole = [...ids.slice(0, 1), ...new Array<number>(image).fill(3), ...ids.slice(1)];
      // A server that scores from the middle on gives the end only.
      const dropped = Math.min(cut, whole.length - (at - before));
      const tail: ScoredTail = {
        ids: whole.slice(dropped),
        logprobs: whole.slice(dropped).map((id) => -id),
        texts: whole.slice(dropped).map((id) => String.fromCharCode(id)),
        total: whole.length,
      };
      const messages = spans.map(({ start, end }) => text('assistant', String.fromCharCode(...ids.slice(start, end))));
      return { ask: { messages, turns: spans.map((_, k) => k) }, answer: { ids, spans } as AnswerTokens, tail, image };
    });

  it('reads the losses of the answers, whatever stands before them', () => {
    fc.assert(
      fc.property(cases, ({ ask, answer, tail }) => {
        const wanted = answer.spans.flatMap(({ start, end }) => answer.ids.slice(start, end));
        expect(alignAnswers(ask, answer, tail, false).losses).toEqual(wanted);
      }),
    );
  });

  it('refuses any other token from the first answer on, and a prompt that is too short', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ ask, answer, tail }, pick) => {
        const scored = answer.ids.length - answer.spans[0]!.start;
        const at = tail.ids.length - 1 - (pick % scored);
        const other = { ...tail, ids: tail.ids.map((id, t) => (t === at ? id + 1 : id)) };
        expect(() => alignAnswers(ask, answer, other, false)).toThrow(expect.objectContaining({ code: 'ALIGNMENT' }));
        const short = { ...tail, ids: tail.ids.slice(tail.ids.length - scored + 1) };
        expect(() => alignAnswers(ask, answer, short, false)).toThrow(expect.objectContaining({ code: 'ALIGNMENT' }));
      }),
    );
  });

  it('without an image the whole prompt has the tokenised length', () => {
    fc.assert(
      fc.property(cases, ({ ask, answer, tail, image }) => {
        const read = () => alignAnswers(ask, answer, tail, true);
        if (image === 0) read();
        else expect(read).toThrow(expect.objectContaining({ code: 'ALIGNMENT' }));
      }),
    );
  });

  it('compares the text, but for space, case, and parts of characters', () => {
    const answer = { ids: [1, 2, 3, 4], spans: [{ start: 1, end: 4 }] };
    const read = (words: string, texts: (string | null)[]) =>
      alignAnswers(
        { messages: [text('assistant', words)], turns: [0] },
        answer,
        { ids: answer.ids, logprobs: [null, -1, -2, -3], texts: [null, ...texts], total: 4 },
        true,
      ).losses;
    expect(read('Hello  World', ['hello', ' world', '</s>'])).toEqual([1, 2, 3]);
    expect(read('Héllo', ['H', '\uFFFD', '\uFFFDllo'])).toEqual([1, 2, 3]);
    expect(read('anything', [null, null, null])).toEqual([1, 2, 3]);
    expect(() => read('Goodbye', ['hello', ' world', '</s>'])).toThrow(expect.objectContaining({ code: 'ALIGNMENT' }));
  });

  it('counts what images add', () => {
    expect(imageTokens(0, 20, 20)).toBe(0);
    expect(imageTokens(1, 596, 20)).toBe(576);
    expect(() => imageTokens(1, 20, 20)).toThrow(expect.objectContaining({ code: 'IMAGE_IGNORED' }));
  });
});

describe('what is asked', () => {
  it('is one conversation, or one for the answers before each later image', () => {
    const talk = [
      shows(0),
      text('assistant', 'A'),
      text('user', 'And?'),
      text('assistant', 'B'),
      shows(1),
      text('assistant', 'C'),
      text('user', 'Thanks'),
    ];
    const asks = asksOf(talk);
    expect(asks.map(({ messages, turns }) => [messages.length, turns])).toEqual([
      [4, [1, 3]],
      [7, [5]],
    ]);
    expect(asksOf([text('user', 'Hello')])).toEqual([]);
    expect(asksOf([shows(0), text('assistant', 'A'), shows(1)]).map(({ messages }) => messages.length)).toEqual([2]);
    expect(chatMessages(withoutImages(asks[0]!).messages, new Map())[0]).toEqual({ role: 'user', content: 'What?' });
    expect(chatMessages(talk, new Map([[0, 'data:x']]))[0]!.content).toEqual([
      { type: 'image_url', image_url: { url: 'data:x' } },
      { type: 'text', text: 'What?' },
    ]);
  });

  it('finds answers where a template writes a line break behind each turn, and where white space merges', async () => {
    // One token a word; where nothing stands between the header's line break and the answer, they are one.
    const vocabulary: string[] = [];
    const idOf = (word: string) => (vocabulary.includes(word) ? vocabulary.indexOf(word) : vocabulary.push(word) - 1);
    const server = (header: string): VllmChat => ({
      score: () => Promise.reject(new Error('not asked')),
      tokens: async (messages, prompt) => {
        const turns = messages.map(({ role, content }) => `<|start|>${role}${header}${String(content)}<|end|>Ċ`);
        const texts =
          (turns.join('') + (prompt ? `<|start|>assistant${header}` : '')).match(/<\|\w+\|>|Ċ\w*|\w+/g) ?? [];
        return { ids: texts.map(idOf), texts };
      },
    });
    const ask = {
      messages: [text('user', 'Hi'), text('assistant', 'Yes'), text('user', 'Why'), text('assistant', 'So')],
      turns: [1, 3],
    };
    const read = async (header: string) => {
      const { ids, spans } = await answersByServer(server(header), ask);
      return spans.map(({ start, end }) => ids.slice(start, end).map((id) => vocabulary[id]));
    };
    expect(await read('Ċ<|sep|>')).toEqual([
      ['Yes', '<|end|>'],
      ['So', '<|end|>'],
    ]);
    expect(await read('Ċ')).toEqual([
      ['ĊYes', '<|end|>'],
      ['ĊSo', '<|end|>'],
    ]);
  });
});
