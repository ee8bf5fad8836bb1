import type { SingleBar } from 'cli-progress';
import { formatDuration } from '../base/phrases.ts';
import { oneLine, terminalText } from '../base/terminal-text.ts';

/** Nothing is drawn for what is over sooner. */
const SHOW_AFTER_MS = 2_000;
const REDRAW_MS = 100;
/** Where nobody watches (a log file, CI), one line this often. */
const LINE_EVERY_MS = 30_000;

export interface ProgressOptions {
  stream: NodeJS.WriteStream;
  quiet?: boolean;
  /** Milliseconds; for tests. @default Date.now */
  now?: () => number;
}

export interface Progress {
  /** `done` of `total` units of `what` (e.g. `samples scored`). A new `what` or a smaller `done` begins a new count. */
  update: (done: number, total: number, what: string) => void;
  /** A line for people that does not tear the bar. */
  note: (text: string) => void;
  /** Removes the bar. May be called twice. */
  stop: () => void;
}

interface Step {
  what: string;
  began: number;
  first: number;
  done: number;
  total: number;
  said: number;
}

/**
 * Progress with rate and time left, on stderr: a bar on a terminal, else a line every 30 s, and nothing for short work.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { stream, quiet = false, now = Date.now } = options;
  let step: Step | undefined;
  let bar: SingleBar | undefined;
  let wanted = false;
  let drawn = 0;

  const stop = (): void => {
    bar?.stop();
    bar = undefined;
    wanted = false;
    step = undefined;
  };

  const draw = (current: Step, at: number): void => {
    const finished = current.done >= current.total;
    if (bar === undefined) {
      if (wanted || finished) return;
      wanted = true;
      void openBar(stream).then((opened) => {
        if (!wanted || step === undefined) return;
        bar = opened;
        bar.start(step.total, step.done, payload(step, now()));
      });
      return;
    }
    if (at - drawn < REDRAW_MS && !finished) return;
    drawn = at;
    bar.setTotal(current.total);
    bar.update(current.done, payload(current, at));
  };

  const update = (done: number, total: number, what: string): void => {
    if (quiet) return;
    const at = now();
    if (step === undefined || step.what !== what || done < step.done) {
      stop();
      step = { what, began: at, first: done, done, total, said: at };
    }
    step.done = done;
    step.total = total;
    if (stream.isTTY) {
      if (at - step.began >= SHOW_AFTER_MS) draw(step, at);
    } else if (at - step.said >= LINE_EVERY_MS) {
      step.said = at;
      stream.write(terminalText(`${describeStep(step, at)}\n`));
    }
  };

  const note = (text: string): void => {
    const current = step;
    stop();
    stream.write(terminalText(`${text}\n`));
    step = current;
  };

  return { update, note, stop };
}

async function openBar(stream: NodeJS.WriteStream): Promise<SingleBar> {
  const { default: progress } = await import('cli-progress');
  return new progress.SingleBar({
    stream,
    format: '{what} [{bar}] {value}/{total} {rate}',
    barsize: 24,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: false,
    clearOnComplete: true,
    fps: 1000 / REDRAW_MS,
    // cli-progress would restore a cursor that was never hidden and swallow our Ctrl-C.
    gracefulExit: false,
  });
}

function payload(step: Step, at: number): { what: string; rate: string } {
  return { what: oneLine(terminalText(step.what)), rate: rateOf(step, at) };
}

function describeStep(step: Step, at: number): string {
  return `${step.what}: ${step.done}/${step.total} ${rateOf(step, at)}`;
}

function rateOf(step: Step, at: number): string {
  const seconds = (at - step.began) / 1000;
  const perSecond = seconds > 0 ? (step.done - step.first) / seconds : 0;
  if (perSecond <= 0) return '';
  return `(${formatRate(perSecond)}, ${formatDuration((step.total - step.done) / perSecond)} left)`;
}

function formatRate(perSecond: number): string {
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`;
  return perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`;
}
