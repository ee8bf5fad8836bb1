import { expect, it } from 'vitest';
import { countVotes } from './icons.ts';

it('votes for a row that is exactly at the percentile, whatever the share', () => {
  expect([...countVotes([[1, 2, 3, 4, 5]], 20)]).toEqual([0, 0, 0, 0, 1]);
  // The 30th percentile of 11 values is the fourth of them; 10 x (1 - 0.7) in floating point is a little more than 3.
  const scores = Array.from({ length: 11 }, (_, i) => i);
  expect(countVotes([scores], 70).reduce((sum, votes) => sum + votes, 0)).toBe(8);
});
