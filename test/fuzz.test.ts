import { expect, it, vi } from 'vitest';
import { createRandom } from '../src/numeric/philox.ts';
import { fuzz } from './fuzz/batches.ts';
import { mutate } from './fuzz/mutate.ts';

/**
 * Damaged files of every kind: none may crash, hang or fill the memory, and what is refused is refused in words.
 * `npm run fuzz -- --count 10000 --seed 7` runs more.
 */
const COUNT = Number(process.env.WINNOW_FUZZ_COUNT ?? 600);
const SEED = Number(process.env.WINNOW_FUZZ_SEED ?? 42);
vi.setConfig({ testTimeout: 120_000 + COUNT * 1_000 });

it(`${COUNT} damaged files of seed ${SEED} are read or refused in words`, async () => {
  const tally = await fuzz(SEED, 0, COUNT, COUNT > 1_000 ? 500 : COUNT / 2);
  if (process.env.WINNOW_FUZZ_COUNT !== undefined) process.stdout.write(`${JSON.stringify(tally, null, 1)}\n`);
  expect(tally.faults).toEqual([]);
  expect(tally.cases).toBe(COUNT);
  expect(Object.keys(tally.verdicts).length).toBeGreaterThan(5);
});

it('the same seed damages in the same way', () => {
  const bytes = Buffer.from('{"a": [1, 2, 3]}'.repeat(9));
  const damage = (stream: string) => mutate(bytes, Buffer.from('xyz'), createRandom(1, stream));
  expect(damage('a')).toEqual(damage('a'));
  expect(damage('a').bytes.equals(damage('b').bytes)).toBe(false);
  expect(damage('a').bytes.equals(bytes)).toBe(false);
});
