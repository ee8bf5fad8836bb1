import { expect, it } from 'vitest';
import { createRandom } from '../src/numeric/philox.ts';
import { fuzz } from './fuzz/batches.ts';
import { mutate } from './fuzz/mutate.ts';

// A few of every kind; fuzz.long.test.ts reads more.
it('100 damaged files are read or refused in words', async () => {
  const tally = await fuzz(7, 0, 100, 100);
  expect(tally.faults).toEqual([]);
  expect(tally.cases).toBe(100);
  expect(Object.keys(tally.verdicts).length).toBeGreaterThan(5);
}, 120_000);

it('the same seed damages in the same way', () => {
  const bytes = Buffer.from('{"a": [1, 2, 3]}'.repeat(9));
  const damage = (stream: string) => mutate(bytes, Buffer.from('xyz'), createRandom(1, stream));
  expect(damage('a')).toEqual(damage('a'));
  expect(damage('a').bytes.equals(damage('b').bytes)).toBe(false);
  expect(damage('a').bytes.equals(bytes)).toBe(false);
});
