import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../src/numeric/philox.ts';
import { build, writeData } from '../stress.ts';
import type { LongCommand } from './commands.ts';
import { litter, type Moment, type Ran, results, run, shards } from './rig.ts';

/**
 * Real processes are killed (SIGKILL) at random moments, and the command is run again: what it leaves must be byte for
 * byte what an undisturbed run leaves, without doing a finished shard again and without litter.
 *
 * @param kills how often each command is killed; the first must import `data/data.json`, 600 rows of two shards
 * @param seed of the moments
 */
export function killCommands(kills: ReadonlyMap<LongCommand, number>, seed: number): void {
  let work = '';
  let killed = 0;
  const wanted = [...kills.values()].reduce((sum, times) => sum + times, 0);

  beforeAll(async () => {
    build();
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-kill-'));
    for (const name of ['whole', 'torn']) fs.mkdirSync(path.join(work, name));
    await writeData(path.join(work, 'data'), 600);
  }, 240_000);
  afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

  describe.sequential('a command that is killed and run again leaves what an undisturbed one leaves', () => {
    it.each([...kills].map(([command, times]) => [command.name, command, times] as const))(
      '%s',
      async (_, command, times) => {
        killed += await tear(work, command, times, createRandom(seed, `kill/${command.name}`));
      },
      // A worker loads PyTorch at every start.
      100_000 + wanted * 25_000,
    );

    it('and that many times they were killed', () => {
      expect(killed).toBe(wanted);
    });
  });
}

async function tear(work: string, command: LongCommand, times: number, random: Random): Promise<number> {
  const [whole, torn, before] = ['whole', 'torn', 'before'].map((name) => path.join(work, name)) as [
    string,
    string,
    string,
  ];
  const args = command.args(path.join(work, 'data'));
  const undisturbed = await run(whole, args);
  expect(undisturbed, undisturbed.output).toMatchObject({ status: 0 });
  fs.rmSync(before, { recursive: true, force: true });
  fs.cpSync(torn, before, { recursive: true, preserveTimestamps: true });

  let hits = 0;
  let finished = shards(torn);
  const check = (): void => {
    const now = shards(torn);
    for (const [file, state] of finished) expect(now.get(file), `${file} was written again`).toBe(state);
    finished = now;
  };
  const complete = (ran: Ran): void => {
    const isRefused = command.once === true && ran.status === 2 && ran.output.includes('OUTPUT_EXISTS');
    expect(ran, ran.output).toMatchObject({ status: isRefused ? 2 : 0 });
    expect(litter(torn)).toEqual([]);
    expect(results(torn, command)).toEqual(results(whole, command));
  };
  for (let tries = 0; hits < times && tries < 4 * times + 20; tries++) {
    const moment = momentOf(command, undisturbed, tries, random);
    const ran = await run(torn, args, moment);
    check();
    if (ran.killed && 'workerMs' in moment) expect(ran, ran.output).toMatchObject({ status: 1 });
    if (ran.killed) {
      hits++;
      continue;
    }
    // It was done before its time came: its work is checked, and it begins again.
    complete(ran);
    fs.rmSync(torn, { recursive: true });
    fs.cpSync(before, torn, { recursive: true, preserveTimestamps: true });
    finished = shards(torn);
  }
  const last = await run(torn, args);
  check();
  complete(last);
  return hits;
}

/** Half of the moments by the clock, half by the steps on the disk; for a worker anywhere in its life. */
function momentOf(command: LongCommand, undisturbed: Ran, tries: number, random: Random): Moment {
  if (command.inWorker === true) return { workerMs: Math.round(undisturbed.workerMs * random.uniform()) };
  if (tries % 2 === 1) return { step: 1 + random.below(undisturbed.steps) };
  return { ms: Math.round(undisturbed.ms * (0.2 + 0.8 * random.uniform())) };
}
