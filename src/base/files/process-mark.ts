import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * This process as others meet it in the names of its temporary files and locks: `<machine>-<pid>-<start>`. The machine
 * is host name, boot and, in a container, its space of process numbers; start is the kernel's tick at which the process
 * began, so that a number used again is not mistaken.
 */
export function processMark(): string {
  own ??= `${machine()}-${process.pid}-${processState(process.pid)?.start ?? 0}`;
  return own;
}

let own: string | undefined;

/** The mark inside a file name, or undefined. */
export function markIn(fileName: string): string | undefined {
  return /[0-9a-f]{10}-\d+-\d+/.exec(fileName)?.[0];
}

/** Process number of a mark. */
export function pidOf(mark: string): number {
  return Number(mark.split('-')[1]);
}

/**
 * True where the process of that mark has ended, false where it runs; undefined where this machine can't know: it is
 * another's.
 */
export function hasEnded(mark: string): boolean | undefined {
  const [where, pid, start] = mark.split('-');
  if (where !== machine()) return undefined;
  const state = processState(Number(pid));
  if (state !== undefined) return state.ended || (start !== '0' && String(state.start) !== start);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

let here: string | undefined;

function machine(): string {
  const parts = [
    hostname(),
    attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
    attempt(() => readlinkSync('/proc/self/ns/pid')),
  ];
  here ??= createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 10);
  return here;
}

/**
 * From Linux's `/proc`; a process that has ended but was not waited for (a zombie) counts as ended. Undefined
 * elsewhere.
 */
function processState(pid: number): { ended: boolean; start: number } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  // The command, in parentheses, may itself hold blanks and parentheses. State is field 3, start is field 22.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { ended: 'ZX'.includes(fields[0]!), start: Number(fields[19]) };
}

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
