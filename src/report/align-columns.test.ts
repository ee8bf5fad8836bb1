import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { alignColumns } from './align-columns.ts';

const NUMBERS = (column: number): boolean => column === 1;

it('aligns columns, numbers to the right', () => {
  expect(
    alignColumns(
      [
        ['a', '1'],
        ['bcd', '200'],
      ],
      { width: 80, right: NUMBERS },
    ),
  ).toEqual(['a      1', 'bcd  200']);
});

it('breaks cells instead of cutting them, within the width', () => {
  const long = 'a sentence of several words that does not fit, and_one_word_that_is_longer_than_its_column_could_be';
  const lines = alignColumns([['name', '12', long]], { width: 40, right: NUMBERS });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  expect(lines.length).toBeGreaterThan(2);
  const cells = lines.map((line) => line.slice(10).trim());
  expect(cells.join('').replaceAll(' ', '')).toBe(long.replaceAll(' ', ''));
});

it('counts characters that take two columns', () => {
  const lines = alignColumns(
    [
      ['日本語', '1'],
      ['abc', '2'],
    ],
    { width: 80, right: NUMBERS },
  );
  expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1);
});
