import { expect, it } from 'vitest';
import { formatDuration } from './phrases.ts';

it('writes durations in words', () => {
  expect([0, 59.4, 60, 3599, 3600, 7505].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min 00 s',
    '59 min 59 s',
    '1 h 00 min',
    '2 h 05 min',
  ]);
});
