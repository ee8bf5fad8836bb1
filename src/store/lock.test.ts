import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hasEnded, markIn, processMark } from '../base/files/process-mark.ts';
import { describeHolder, openLocks, withLock } from './lock.ts';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-lock-'));
});
afterEach(() => {
  vi.useRealTimers();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A living process of this machine, and the ticket it would have written. */
async function ticketOfOther(name: string): Promise<{ child: ChildProcess; ticket: string }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
  children.push(child);
  await once(child.stdout!, 'data');
  const stat = await import('node:fs').then((fs) => fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1'));
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const [machine] = processMark().split('-');
  return { child, ticket: `${name}.${machine}-${child.pid}-${start}.00` };
}

/** Take a lock and give its ticket the name of another process's. */
async function heldBy(ticket: string): Promise<void> {
  const locks = openLocks(folder);
  await locks.take('x');
  renameSync(join(folder, readdirSync(folder)[0]!), join(folder, ticket));
}

describe('a lock', () => {
  it('has one holder at a time, whoever asks', async () => {
    const [a, b] = [openLocks(folder), openLocks(folder)];
    let inside = 0;
    let most = 0;
    const counted: number[] = [];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      const before = counted.length;
      await sleep(2);
      counted[before] = before;
      inside--;
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => withLock(i % 2 ? a : b, 'one', work)));
    expect({ most, counted: counted.length }).toEqual({ most: 1, counted: 12 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says who holds it, and leaves other names free', async () => {
    const [a, b] = [openLocks(folder), openLocks(folder)];
    await a.take('config');
    const got = await b.take('config');
    expect('holder' in got && describeHolder(got.holder)).toBe(`process ${process.pid}`);
    expect('lock' in (await b.take('lineage'))).toBe(true);
    expect('lock' in (await b.take('conf'))).toBe(true);
  });

  it.runIf(process.platform === 'linux')('of a process that was killed is taken over at once', async () => {
    const { child, ticket } = await ticketOfOther('x');
    await heldBy(ticket);
    const locks = openLocks(folder);
    expect(await locks.take('x')).toMatchObject({ holder: { pid: child.pid } });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const began = performance.now();
    expect('lock' in (await locks.take('x'))).toBe(true);
    expect(performance.now() - began).toBeLessThan(500);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux')('is not mistaken for that of a process that got the same number later', () => {
    const [machine, pid, start] = processMark().split('-');
    expect(hasEnded(processMark())).toBe(false);
    expect(hasEnded(`${machine}-${pid}-${Number(start) - 1}`)).toBe(true);
  });

  it('of another machine is kept while it beats and taken over when it stops, whatever the clock says', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const foreign = 'x.0123456789-77-5.00';
    await heldBy(foreign);
    const locks = openLocks(folder, { beat: 10, stale: 150 });
    const looks: boolean[] = [];
    for (let beat = 1; beat <= 12; beat++) {
      // The other machine's clock and ours leap about; only that its ticket changes counts.
      vi.setSystemTime(beat % 2 ? 0 : 4e12);
      utimesSync(join(folder, foreign), 1e6 - beat * 1e4, 1e6 - beat * 1e4);
      looks.push('lock' in (await locks.take('x')));
      await sleep(25);
    }
    expect(looks).toEqual(new Array(12).fill(false));
    const waited = await locks.wait('x');
    expect(readdirSync(folder).map(markIn)).toEqual([processMark()]);
    await waited.release();
  });

  it('tells a waiter once, and lets it give up', async () => {
    const locks = openLocks(folder);
    await locks.take('x');
    const told: number[] = [];
    const stop = new AbortController();
    const waiting = locks.wait('x', { signal: stop.signal, waiting: ({ pid }) => void told.push(pid) });
    setTimeout(() => stop.abort(), 1800);
    await expect(waiting).rejects.toThrow(/abort/i);
    expect(told).toEqual([process.pid]);
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
