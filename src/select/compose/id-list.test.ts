import { describe, expect, it } from 'vitest';
import { parseIds } from './id-list.ts';

describe('lists of ids', () => {
  it.each([
    ['a\nb c\r\n\n  d \n', ['a', 'b c', 'd']],
    ['\uFEFFa,1\n', ['a,1']],
    ['["a", 2]', ['a', '2']],
    ['[{"id": "a", "why": 1}]', ['a']],
    ['{"id": "a"}\n{"id": 7}\n', ['a', '7']],
    ['"a"\n"b"\n', ['a', 'b']],
    ['{"name": "x", "ids": ["a", "b"]}', ['a', 'b']],
    ['', []],
  ])('%j', (text, ids) => {
    expect(parseIds(text, '--always-keep', 'list')).toEqual(ids);
  });

  it.each(['{"id": "a"}\n{broken\n', '[1, null]', '[{"name": "a"}]'])('refuse %j', (text) => {
    expect(() => parseIds(text, '--always-keep', 'list')).toThrow(expect.objectContaining({ code: 'LIST_INVALID' }));
  });
});
