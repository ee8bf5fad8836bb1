import type { AnyJob, WorkerEvent } from '../job.ts';

/** How a job ended. `signal`: what ended its process from outside. `log`: the end of what it wrote to its log. */
export interface JobEnd {
  code: number | null;
  signal: string | null;
  log: string;
}

/** A job that runs. */
export interface RunningJob {
  /** What the worker says while it works, in order; ends with the job. To be read once. */
  readonly events: AsyncIterable<WorkerEvent>;
  /** Resolves when nothing of the job is left running; never rejects. */
  readonly ended: Promise<JobEnd>;
  /** Asks the job to stop: what it finished stays. Harmless when it has ended. */
  stop(): Promise<void>;
}

/**
 * A place where jobs of the worker run. A job can run twice without harm: what it finished is found by its name and
 * left as it is, so that a job that was lost is done by submitting it again, here or elsewhere.
 */
export interface Executor {
  readonly name: string;
  /** @throws WinnowError `WORKER_MISSING`, and what else keeps a job from starting */
  submit(job: AnyJob): Promise<RunningJob>;
  /** Goes on with a job that was stopped or lost: only what is missing is done. */
  resume(job: AnyJob): Promise<RunningJob>;
}
