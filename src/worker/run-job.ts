import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WinnowError } from '../base/errors.ts';
import { AnyJob, WorkerEvent } from './job.ts';
import { findPython } from './python.ts';

/** What to do about faults that the same command would meet again. */
const HINTS: Readonly<Record<string, string>> = {
  LOSS_NOT_FINITE: 'Start again with a smaller --learning-rate and --replace.',
  NO_GPU: 'Leave --device out, or give --device cpu.',
  PYTHON_PACKAGE_MISSING:
    'In a clone run: node scripts/setup.mjs python. Else point WINNOW_PYTHON at a Python with torch, transformers, pyarrow and fastjsonschema.',
  OUT_OF_MEMORY: 'What was finished is kept; run it again with a smaller --batch, or --dtype bfloat16.',
  MODEL_UNUSABLE: 'Give a folder as save_pretrained writes it, with its processor.',
  MODEL_INCOMPLETE: 'Save or download the model again, whole and under its own names; merge an adapter into it first.',
  MODEL_UNSUPPORTED: 'docs/signals.md lists the families that are known.',
  OPTIMIZER_STATE_MISSING: 'Run: winnow train --recipe proxy --optimizer-state; or give --gradient sgd.',
  TARGETS_UNKNOWN: 'Name some of these with --targets.',
  LAYER_UNKNOWN: 'Name some of these with --layers.',
  NOTHING_TO_TRAIN: 'Measure the features and the loss of rows with images first, or name other --features.',
  SCORER_DIVERGED: 'Give a smaller --learning-rate.',
  ROWS_UNREADABLE: 'Mend the rows that are named; "winnow doctor" lists them all.',
};

/** How much of the worker's log is kept for a message. */
const LOG_CHARACTERS = 2000;

/**
 * Run a job in a Python process and hand on its events. Shards that it finished stay whatever happens after.
 *
 * @throws WinnowError `WORKER_MISSING`, `WORKER_FAILED` or the code that the worker gave; AbortError where `signal`
 * stopped it
 */
export async function runJob(
  job: AnyJob,
  options: { signal?: AbortSignal; onEvent?: (event: WorkerEvent) => void } = {},
): Promise<void> {
  const { python, folder } = findPython();
  const file = join(job.folder, 'job.json');
  await writeFile(file, JSON.stringify(AnyJob.parse(job)));
  options.signal?.throwIfAborted();
  const child = spawn(python, ['-m', 'winnow_worker', '--job', file], {
    env: {
      ...process.env,
      PYTHONPATH: folder,
      PYTHONUNBUFFERED: '1',
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_VERBOSITY: 'error',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let failure: Extract<WorkerEvent, { t: 'error' }> | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const event = readEvent(line);
      if (event?.t === 'error') failure = event;
      if (event !== undefined) options.onEvent?.(event);
    }
    const code = await ended;
    options.signal?.throwIfAborted();
    if (code === 0) return;
    throw new WinnowError({
      code: failure?.code ?? 'WORKER_FAILED',
      message: `the worker stopped: ${failure?.msg ?? (log.trim().split('\n').at(-1) || `exit code ${code}`)}`,
      hint: HINTS[failure?.code ?? ''] ?? 'What was finished is kept; run the same command again to go on.',
      exitCode: code === 2 ? 2 : 1,
    });
  } finally {
    options.signal?.removeEventListener('abort', stop);
    if (child.exitCode === null) child.kill('SIGKILL');
  }
}

function readEvent(line: string): WorkerEvent | undefined {
  try {
    return WorkerEvent.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
