import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRandom, type Random } from '../src/numeric/philox.ts';
import { LONG_COMMANDS, type LongCommand } from './kill/commands.ts';
import { litter, type Moment, type Ran, results, run, shards } from './kill/rig.ts';
import { build, writeData } from './stress.ts';

/**
 * Real processes are killed (SIGKILL) at random moments, and the command is run again: what it leaves must be byte for
 * byte what an undisturbed run leaves, without doing a finished shard again and without litter.
 * `npm run test:kill -- --times 100` kills every command 100 times.
 */
const TIMES = Number(process.env.WINNOW_KILL_TIMES ?? 0);
const SEED = Number(process.env.WINNOW_KILL_SEED ?? 42);
/** 40 kills in all, 5 of them in the worker; or of each command as many as were asked for. */
const IN_WORKER = 5;
const OTHERS = LONG_COMMANDS.filter(({ inWorker }) => inWorker !== true);
const kills = (command: LongCommand): number => {
  if (TIMES > 0) return TIMES;
  if (command.inWorker === true) return IN_WORKER;
  const [even, over] = [Math.floor((40 - IN_WORKER) / OTHERS.length), (40 - IN_WORKER) % OTHERS.length];
  return even + (OTHERS.indexOf(command) < over ? 1 : 0);
};
vi.setConfig({ testTimeout: 300_000 + TIMES * 10_000, hookTimeout: 240_000 });

let work = '';
let killed = 0;

beforeAll(async () => {
  build();
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-kill-'));
  for (const name of ['whole', 'torn']) fs.mkdirSync(path.join(work, name));
  // Two shards of losses.
  await writeData(path.join(work, 'data'), 600);
});
afterAll(() => fs.rmSync(work, { recursive: true, force: true }));

describe.sequential('a command that is killed and run again leaves what an undisturbed one leaves', () => {
  it.each(LONG_COMMANDS.map((command) => [command.name, command, kills(command)] as const))(
    '%s',
    async (_, command, times) => {
      killed += await tear(command, times);
    },
    // A worker loads PyTorch at every start.
    (TIMES > 0 ? TIMES : 40) * 25_000,
  );

  it('and that many times they were killed', () => {
    expect(killed).toBe(LONG_COMMANDS.reduce((sum, command) => sum + kills(command), 0));
  });
});

async function tear(command: LongCommand, times: number): Promise<number> {
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

  const random = createRandom(SEED, `kill/${command.name}`);
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
