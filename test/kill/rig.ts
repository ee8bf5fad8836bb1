import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { LongCommand } from './commands.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const STEPPER = path.join(import.meta.dirname, 'at-step.mjs');

/**
 * When a run is killed: after so many milliseconds, or just before it changes the disk for the n-th time; or its Python
 * worker alone, so many milliseconds after that began.
 */
export type Moment = { ms: number } | { step: number } | { workerMs: number };

export interface Ran {
  killed: boolean;
  status: number | null;
  ms: number;
  /** How long its Python worker lived; 0: it had none. */
  workerMs: number;
  /** Changes of the disk; of a whole run only. */
  steps: number;
  output: string;
}

/** One command of the built command line, from start to end or to its death. */
export function run(project: string, args: readonly string[], moment?: Moment): Promise<Ran> {
  const count = path.join(project, '..', `steps-${path.basename(project)}`);
  fs.mkdirSync(temporaryOf(project), { recursive: true });
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    TMPDIR: temporaryOf(project),
    NODE_OPTIONS: `--import ${STEPPER}`,
    KILL_COUNT: count,
    ...(moment !== undefined && 'step' in moment ? { KILL_AT: String(moment.step) } : {}),
  };
  const began = performance.now();
  const child = spawn(process.execPath, [path.join(ROOT, 'bin/winnow.js'), ...args, '-q'], { cwd: project, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const timer = moment !== undefined && 'ms' in moment ? setTimeout(() => child.kill('SIGKILL'), moment.ms) : undefined;
  const worker = watchWorker(child.pid!, moment !== undefined && 'workerMs' in moment ? moment.workerMs : undefined);
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      const { workerMs, isKilled } = worker.stop();
      const killed = signal === 'SIGKILL' || (isKilled && status !== 0);
      const steps = signal === 'SIGKILL' ? 0 : Number(fs.readFileSync(count, 'utf8'));
      resolve({ killed, status, ms: performance.now() - began, workerMs, steps, output });
    });
  });
}

/** Looks out for the worker that a process starts, and kills it at its moment. */
function watchWorker(parent: number, moment?: number): { stop(): { workerMs: number; isKilled: boolean } } {
  let found: { pid: number; began: number } | undefined;
  let [last, isKilled] = [0, false];
  const look = setInterval(() => {
    const pid = found?.pid ?? childrenOf(parent).find(isWorker);
    if (pid === undefined || !isWorker(pid)) return;
    last = performance.now();
    found ??= { pid, began: last };
    if (isKilled || moment === undefined || last - found.began < moment) return;
    process.kill(pid, 'SIGKILL');
    isKilled = true;
  }, 10);
  return {
    stop() {
      clearInterval(look);
      return { workerMs: found === undefined ? 0 : last - found.began, isKilled };
    },
  };
}

/** Linux says which processes one has started; elsewhere none is found. */
function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function isWorker(pid: number): boolean {
  return read(`/proc/${pid}/cmdline`).includes('winnow_worker');
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Hash of each file that the command leaves behind, by its path in the project. */
export function results(project: string, { leaves }: LongCommand): Record<string, string> {
  const files = filesOf(project).filter((file) => leaves.test(file) && !isLitter(file));
  return Object.fromEntries(files.map((file) => [file, digest(path.join(project, file))]));
}

/** Node and time of every finished shard: unchanged while nobody writes it again. */
export function shards(project: string): Map<string, string> {
  const files = filesOf(project).filter((file) => /^\.winnow\/signals\/.*\.parquet$/.test(file) && !isLitter(file));
  return new Map(
    files.map((file) => {
      const { ino, mtimeNs } = fs.statSync(path.join(project, file), { bigint: true });
      return [file, `${ino} ${mtimeNs}`];
    }),
  );
}

/** What only a process that was killed leaves: temporary files, work folders, locks. */
export function litter(project: string): string[] {
  // PyTorch makes a cache of its own there at every start, killed or not.
  const outside = fs.readdirSync(temporaryOf(project)).filter((name) => !name.startsWith('torchinductor'));
  return [...filesOf(project).filter((file) => isLitter(file) || /^\.winnow\/(locks|tmp)\//.test(file)), ...outside];
}

/** What the system's folder for temporary files is to the command. */
function temporaryOf(project: string): string {
  return path.join(project, '..', `tmp-${path.basename(project)}`);
}

function isLitter(file: string): boolean {
  return path.basename(file).startsWith('.tmp-');
}

function filesOf(folder: string): string[] {
  return (fs.readdirSync(folder, { recursive: true }) as string[])
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !fs.statSync(path.join(folder, file)).isDirectory() || isLitter(file))
    .sort();
}

function digest(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}
