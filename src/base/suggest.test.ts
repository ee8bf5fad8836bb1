import { expect, it } from 'vitest';
import { didYouMean, nearest } from './suggest.ts';

const METHODS = ['visnec', 'xmas', 'coincide', 'semdedup', 'd2', 'random', 'top', 'self-filter', 'rds-plus'];

it.each([
  ['visnek', ['visnec']],
  ['vsinec', ['visnec']],
  ['VisNec', ['visnec']],
  ['sem', ['semdedup']],
  ['selffilter', ['self-filter']],
  ['rds_plus', ['rds-plus']],
  ['d3', ['d2']],
  ['elephant', []],
  ['', []],
])('takes %j for %j', (word, expected) => {
  expect(nearest(word, METHODS)).toEqual(expected);
});

it('says nothing where nothing is near', () => {
  expect(didYouMean('colour', METHODS)).toBe('');
  expect(didYouMean('topp', METHODS)).toBe('Did you mean "top"? ');
});
