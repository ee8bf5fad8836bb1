import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { writeFileAtomic } from '../../base/files/atomic.ts';
import { processMark } from '../../base/files/process-mark.ts';
import { AnyJob, WorkerEvent } from '../job.ts';
import { findPython } from '../python.ts';
import type { Executor, JobEnd, RunningJob } from './executor.ts';

/** How much of the worker's log is kept for a message. */
const LOG_CHARACTERS = 4000;
/** A job that was asked to stop saves its state first; one that hangs is ended. */
const STOP_MS = 60_000;

/** One Python process on this machine. It ends with this process, however that ends: its standard input closes then. */
export const local: Executor = {
  name: 'local',
  submit: start,
  resume: (job) => start(withoutFinished(job)),
};

async function start(job: AnyJob): Promise<RunningJob & { pid: number | undefined }> {
  const { python, folder } = findPython();
  const file = join(job.folder, 'job.json');
  await writeFileAtomic(file, JSON.stringify(AnyJob.parse(job)));
  const child = spawn(python, ['-m', 'winnow_worker', '--job', file, '--with-parent'], {
    env: {
      // Threads that wait for each other spin by default: beside other work on the same cores that costs many times the
      // work itself (1,500 small products on two busy cores: 22 s spinning, 0.8 s asleep). It changes no number.
      OMP_WAIT_POLICY: 'PASSIVE',
      ...process.env,
      PYTHONPATH: folder,
      PYTHONUNBUFFERED: '1',
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_VERBOSITY: 'error',
      TQDM_DISABLE: '1',
      WINNOW_PROCESS_MARK: processMark(),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // The worker may end before a write or a close of the pipe that it watches.
  child.stdin?.on('error', () => undefined);
  const ended = endOf(child);
  return {
    pid: child.pid,
    events: eventsOf(child),
    ended,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(hard);
    },
  };
}

function endOf(child: ChildProcess): Promise<JobEnd> {
  let log = '';
  (child.stderr as Readable).on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, log: error.message }));
    child.once('close', (code, signal) => resolve({ code, signal, log }));
  });
}

async function* eventsOf(child: ChildProcess): AsyncIterable<WorkerEvent> {
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const event = readEvent(line);
    if (event !== undefined) yield event;
  }
}

function readEvent(line: string): WorkerEvent | undefined {
  try {
    return WorkerEvent.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** A job without the shards that are there; a training run knows its own state. */
function withoutFinished<Job extends AnyJob>(job: Job): Job {
  if (job.kind === 'train') return job;
  return { ...job, shards: job.shards.filter(({ outputs }) => !outputs.every(({ path }) => existsSync(path))) };
}
