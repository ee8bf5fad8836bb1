import { describe, expect, test } from 'vitest';
import type { PreparedConversation } from '../processing/types.ts';
import { blindSequence, multimodalSequence, prefixLength, scoredPositions } from './sequence.ts';

/** `<s> U [2 image tokens] q q A a a`, as LLaVA writes it; `f` stands for words around an image's tiles. */
function conversation(tokens: string): PreparedConversation {
  const list = tokens.split(' ');
  const mark = (wanted: string): Uint8Array => Uint8Array.from(list, (token) => Number(token === wanted));
  const spans: PreparedConversation['imageSpans'] = [];
  const blocks: PreparedConversation['imageBlocks'] = [];
  for (const [t, token] of list.entries()) {
    if (token === 'i' && list[t - 1] !== 'i') spans.push({ image: spans.length, start: t, end: t });
    if (token === 'i') spans.at(-1)!.end = t + 1;
    const inside = token === 'i' || token === 'f';
    if (inside && !(list[t - 1] === 'i' || list[t - 1] === 'f'))
      blocks.push({ image: blocks.length, start: t, end: t });
    if (inside) blocks.at(-1)!.end = t + 1;
  }
  return {
    ids: Int32Array.from(list, (token, t) => (token === 'i' ? 3 : 10 + t)),
    response: mark('a'),
    imageTokenMask: mark('i'),
    imageSpans: spans,
    imageBlocks: blocks,
  };
}

const ONE = conversation('s u i i q a a');

describe('what a pass sees', () => {
  test('with images: features in their places, each label from the position before', () => {
    const { ids, positions, queries, labels } = multimodalSequence(0, ONE, [2]);
    expect([...ids]).toEqual([10, 11, -1, -2, 14, 15, 16]);
    expect([...positions]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([[...queries], [...labels]]).toEqual([
      [4, 5],
      [15, 16],
    ]);
  });

  test.each([
    ['masked', [0, 1, 4, 5, 6]],
    ['drop', [0, 1, 3, 4, 5]],
    ['remove', [0, 1, 2, 3, 4]],
  ] as const)('%s: text alone, at its positions', (variant, positions) => {
    const blind = blindSequence(0, ONE, variant);
    expect([...blind.ids]).toEqual([10, 11, 14, 15, 16]);
    expect([...blind.positions]).toEqual(positions);
    expect([...blind.queries]).toEqual([2, 3]);
    expect([...blind.labels]).toEqual([15, 16]);
  });

  test('words around tiles are text where images are masked, and part of the image where it is taken out', () => {
    const tiled = conversation('s f i f i f q a');
    expect([...blindSequence(0, tiled, 'masked').ids]).toEqual([10, 11, 13, 15, 16, 17]);
    expect([...blindSequence(0, tiled, 'masked').positions]).toEqual([0, 1, 3, 5, 6, 7]);
    expect([...blindSequence(0, tiled, 'drop').ids]).toEqual([10, 16, 17]);
    expect([...blindSequence(0, tiled, 'drop').positions]).toEqual([0, 2, 3]);
    expect([...blindSequence(0, tiled, 'remove').positions]).toEqual([0, 1, 2]);
  });

  test('several images shift what follows by each', () => {
    const two = conversation('s i i q i i q a');
    expect([...blindSequence(0, two, 'drop').positions]).toEqual([0, 2, 4, 5]);
    expect([...multimodalSequence(0, two, [2, 2]).ids]).toEqual([10, -1, -2, 13, -3, -4, 16, 17]);
  });

  test('a token right after an image is predicted from the last position that is left', () => {
    const blind = blindSequence(0, conversation('s u i i a'), 'masked');
    expect([...blind.queries]).toEqual([1]);
  });

  test('a token that nothing but images precedes is measured in no pass', () => {
    expect(scoredPositions(conversation('i i a a'))).toEqual([3]);
    expect(scoredPositions(conversation('a a'))).toEqual([1]);
  });
});

describe('the opening that rows share', () => {
  test('ends with the first image', () => {
    expect(prefixLength(multimodalSequence(0, ONE, [2]), ONE)).toBe(4);
  });

  test('is none where a trained token depends on it, or without images', () => {
    for (const tokens of ['s u i i a', 's a q i i q a', 's u q a']) {
      const row = conversation(tokens);
      expect(prefixLength(multimodalSequence(0, row, [2]), row)).toBe(0);
    }
  });
});
