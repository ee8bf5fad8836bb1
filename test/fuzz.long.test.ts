import { expect, it } from 'vitest';
import { fuzz } from './fuzz/batches.ts';

/**
 * Damaged files of every kind: none may crash, hang or fill the memory, and what is refused is refused in words.
 * `npm run fuzz -- --count 10000 --seed 7` reads more.
 */
const COUNT = Number(process.env.WINNOW_FUZZ_COUNT ?? 1_000);
const SEED = Number(process.env.WINNOW_FUZZ_SEED ?? 42);

it(
  `${COUNT} damaged files of seed ${SEED} are read or refused in words`,
  async () => {
    const tally = await fuzz(SEED, 0, COUNT, 500);
    if (process.env.WINNOW_FUZZ_COUNT !== undefined) process.stdout.write(`${JSON.stringify(tally, null, 1)}\n`);
    expect(tally.faults).toEqual([]);
    expect(tally.cases).toBe(COUNT);
    expect(Object.keys(tally.verdicts).length).toBeGreaterThan(5);
  },
  120_000 + COUNT * 1_000,
);
