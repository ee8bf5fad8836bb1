import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDiskErrors } from '../base/files/disk-errors.ts';
import { makeFolder } from '../base/files/make-folder.ts';
import { hasEnded, markIn, pidOf, processMark } from '../base/files/process-mark.ts';

/** A lock that this process holds. */
export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

/** Who holds a lock, for people: `process 4711 on ada`. */
export interface Holder {
  pid: number;
  host: string;
}

export interface Locks {
  /** The lock, or who has it. */
  take(name: string): Promise<{ lock: Lock } | { holder: Holder }>;
  /** The lock, as soon as it is free. `waiting` is told once who has it, when that takes longer than a second. */
  wait(name: string, how?: WaitOptions): Promise<Lock>;
}

export interface WaitOptions {
  signal?: AbortSignal;
  waiting?: (holder: Holder) => void;
}

export interface LockTimes {
  /** A holder shows that it lives this often, in ms. */
  beat: number;
  /** A holder on another machine that hasn't for this long is taken for dead, in ms. */
  stale: number;
}

/**
 * Locks in a folder that several processes share, each named. They save work and order edits; that results are whole
 * and right rests on their names and on renames, so that even a lock lost (a machine that slept for an hour) costs work
 * and nothing else.
 *
 * To take a lock, a process writes a ticket: a file of its own, whose name no other process ever uses. It has the lock
 * if no other ticket of a living process is there after its own was written; else it takes its ticket back and tries
 * again later. Of two processes at least the later one sees the other's ticket, so never do both have the lock; and
 * since a dead process's ticket is a file of its own, taking it away can't hit a living one, as it could with one file
 * that all share. A process on the same machine is dead when the system says so, at once. On another machine (or in
 * another container) it is dead when its ticket has not changed for `stale` by the watcher's own running clock: no two
 * clocks are ever compared.
 */
export function openLocks(folder: string, times: LockTimes = { beat: 2_000, stale: 30_000 }): Locks {
  /** Tickets from other machines: their last sign of life, and when this process first saw it. */
  const seen = new Map<string, { sign: number; since: number }>();

  const isDead = (ticket: string): boolean => {
    const ended = hasEnded(markIn(ticket) ?? '');
    if (ended !== undefined) return ended;
    const sign = signOf(join(folder, ticket));
    const known = seen.get(ticket);
    if (sign === undefined) return true;
    if (known?.sign !== sign) seen.set(ticket, { sign, since: performance.now() });
    return known?.sign === sign && performance.now() - known.since > times.stale;
  };
  /** A living process's ticket for this lock beside `mine`; tickets of the dead are cleared away. */
  const rival = (name: string, mine?: string): string | undefined => {
    for (const ticket of list(folder)) {
      if (ticket === mine || !ticket.startsWith(`${name}.`)) continue;
      if (!isDead(ticket)) return ticket;
      rmSync(join(folder, ticket), { force: true });
      seen.delete(ticket);
    }
    return undefined;
  };

  const take = async (given: string): ReturnType<Locks['take']> => {
    const name = given.replace(/[^A-Za-z0-9_-]/g, '_');
    const before = rival(name);
    if (before !== undefined) return { holder: holderOf(folder, before) };
    const ticket = `${name}.${processMark()}.${randomBytes(6).toString('hex')}`;
    const path = join(folder, ticket);
    makeFolder(folder);
    try {
      await writeFile(path, `${hostname()}\n`, { flag: 'wx' });
    } catch (error) {
      // A full disk leaves an empty ticket, which would hold the lock as long as this process lives.
      rmSync(path, { force: true });
      throw error;
    }
    const other = rival(name, ticket);
    if (other !== undefined) {
      rmSync(path, { force: true });
      return { holder: holderOf(folder, other) };
    }
    // The sign is a count written as the file's time: it takes no space on a full disk and asks no clock.
    let beats = 0;
    const timer = setInterval(() => {
      beats++;
      utimes(path, beats, beats).catch(() => undefined);
    }, times.beat);
    timer.unref();
    const release = async (): Promise<void> => {
      clearInterval(timer);
      rmSync(path, { force: true });
    };
    return { lock: { release, [Symbol.asyncDispose]: release } };
  };

  return {
    take: (name) => withDiskErrors(folder, () => take(name)),
    async wait(name, { signal, waiting } = {}) {
      const began = performance.now();
      let told = false;
      for (let pause = 10; ; pause = Math.min(250, pause * 1.5)) {
        signal?.throwIfAborted();
        const got = await withDiskErrors(folder, () => take(name));
        if ('lock' in got) return got.lock;
        if (!told && performance.now() - began > 1_000) {
          told = true;
          waiting?.(got.holder);
        }
        // Uneven pauses, so that two that met don't meet again.
        await sleep(pause + randomInt(Math.ceil(pause)), undefined, { signal });
      }
    },
  };
}

/** Do something while holding a lock. */
export async function withLock<T>(
  locks: Locks,
  name: string,
  work: () => Promise<T>,
  how: WaitOptions = {},
): Promise<T> {
  const lock = await locks.wait(name, how);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** `process 4711 on ada`. */
export function describeHolder({ pid, host }: Holder): string {
  return `process ${pid}${host === hostname() ? '' : ` on ${host}`}`;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The count that a holder raises; undefined where the ticket is gone. Opened, since network folders show a fresh time
 * only then.
 */
function signOf(path: string): number | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      return fstatSync(fd).mtimeMs;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  }
}

function holderOf(folder: string, ticket: string): Holder {
  let host = '';
  try {
    host = readFileSync(join(folder, ticket), 'utf8').trim();
  } catch {
    // It has just been released.
  }
  return { pid: pidOf(markIn(ticket) ?? ''), host: host || 'another machine' };
}
