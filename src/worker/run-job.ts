import { WinnowError } from '../base/errors.ts';
import { diskError } from '../base/files/disk-errors.ts';
import type { Executor, JobEnd } from './executor/executor.ts';
import { local } from './executor/local.ts';
import type { AnyJob, WorkerEvent } from './job.ts';
import { SETUP_WORKER } from './python.ts';

/** What to do about faults that the same command would meet again. */
const HINTS: Readonly<Record<string, string>> = {
  LOSS_NOT_FINITE: 'Start again with a smaller --learning-rate and --replace.',
  NO_GPU: 'Leave --device out, or give --device cpu.',
  PYTHON_PACKAGE_MISSING: `Run: ${SETUP_WORKER}; or install it into the Python that WINNOW_PYTHON names.`,
  OUT_OF_MEMORY: 'What was finished is kept; run it again with a smaller --batch, or --dtype bfloat16.',
  MODEL_UNUSABLE: 'Give a folder as save_pretrained writes it, with its processor.',
  MODEL_INCOMPLETE: 'Save or download the model again, whole and under its own names; merge an adapter into it first.',
  MODEL_UNSUPPORTED: 'docs/signals.md lists the families that are known.',
  TEMPLATE_MISSING: 'Put the chat_template.jinja of the model into its folder.',
  ADAPTER_UNSUPPORTED: 'Merge the adapter into the model with PEFT (merge_and_unload), and give the merged folder.',
  OPTIMIZER_STATE_MISSING: 'Run: winnow train --recipe proxy --optimizer-state; or give --gradient sgd.',
  TARGETS_UNKNOWN: 'Name some of these with --targets.',
  LAYER_UNKNOWN: 'Name some of these with --layers.',
  NEURONS_UNMATCHED: 'Give a number with --neurons for each of --layers.',
  NOTHING_TO_TRAIN: 'Measure the features and the loss of rows with images first, or name other --features.',
  SCORER_DIVERGED: 'Give a smaller --learning-rate.',
  ROWS_UNREADABLE: 'Mend the rows that are named; "winnow doctor" lists them all.',
  SAMPLES_UNREADABLE: 'Something else changed the work folder; run the same command again.',
};
const GO_ON = 'What was finished is kept; run the same command again to go on.';
const SAME_AGAIN =
  'What was finished is kept. The same command would end here again: change what the message names, or report it with the end of the log.';

export interface RunJobOptions {
  signal?: AbortSignal | undefined;
  onEvent?: ((event: WorkerEvent) => void) | undefined;
  /** @default one process on this machine */
  executor?: Executor | undefined;
}

/**
 * Run a job to its end and hand on its events. Shards that it finished stay whatever happens after.
 *
 * @throws WinnowError `WORKER_MISSING`, `WORKER_ENDED` (ended from outside), `WORKER_FAILED` or the code that the
 * worker gave; AbortError where `signal` stopped it
 */
export async function runJob(job: AnyJob, { signal, onEvent, executor = local }: RunJobOptions = {}): Promise<void> {
  signal?.throwIfAborted();
  const running = await executor.submit(job);
  const stop = (): void => void running.stop();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  let failure: Failure | undefined;
  try {
    for await (const event of running.events) {
      if (event.t === 'error') failure = event;
      onEvent?.(event);
    }
    const end = await running.ended;
    signal?.throwIfAborted();
    if (end.code !== 0) throw jobError(job, end, failure);
  } finally {
    signal?.removeEventListener('abort', stop);
    await running.stop();
  }
}

type Failure = Extract<WorkerEvent, { t: 'error' }>;

/** The error of a job that ended otherwise than done. */
function jobError(job: AnyJob, { code, signal, log }: JobEnd, failure: Failure | undefined): unknown {
  if (failure === undefined && signal !== null) {
    const memory = signal === 'SIGKILL' ? ', as the system does when memory runs out' : '';
    return new WinnowError({
      code: 'WORKER_ENDED',
      message: `The worker was ended from outside by ${signal}${memory}.`,
      where: { file: job.folder },
      hint: `${GO_ON}${signal === 'SIGKILL' ? ' If it happens again, give a smaller --batch.' : ''}`,
    });
  }
  if (failure?.code === 'DISK_FULL') return diskError(new Error('ENOSPC'), failure.path ?? job.folder);
  return new WinnowError({
    code: failure?.code ?? 'WORKER_FAILED',
    message: `The worker stopped: ${(failure?.msg ?? lastLine(log) ?? `exit code ${code}`).replace(/\.$/, '')}.`,
    hint: HINTS[failure?.code ?? ''] ?? SAME_AGAIN,
    exitCode: code === 2 ? 2 : 1,
  });
}

/** The last line of a log that says something: bars of progress don't. */
function lastLine(log: string): string | undefined {
  const lines = log.split(/[\r\n]+/).map((line) => line.trim());
  return lines.findLast((line) => line !== '' && !/\d+%\||\b\d+(\.\d+)?(it\/s|s\/it)\b/.test(line));
}
