import type { Command } from 'commander';
import { safeJson, terminalText } from '../base/terminal-text.ts';
import { completeCommands, type Place } from './complete-commands.ts';
import { createProgress, type Progress } from './progress.ts';
import { widthOf } from './terminal.ts';
import { wrapText } from './wrap.ts';

/** What every handler gets: the conventions all verbs share, already read from the command line. */
export interface CommandContext {
  /** Absolute path of the project folder (`-C`, default: the working directory). */
  project: string;
  json: boolean;
  quiet: boolean;
  dryRun: boolean;
  /** Where the command works, as its line says it: for commands that are advised. */
  place: Place;
  /** Aborted by the first Ctrl-C. Every long call takes it. */
  signal: AbortSignal;
  /** Bar or lines on stderr; pass `progress.update` to a step. */
  progress: Progress;
  /** A remark for people, on stderr; silent under `--quiet`. */
  note: (text: string) => void;
}

/** What a handler returns: the same result once for machines and once for people. */
export interface Outcome {
  /** The one document that `--json` prints; undefined where it has been printed already. */
  document: unknown;
  /** What a person reads, without the closing newline. Made only when it is printed. */
  text: string | (() => string);
  /** The text is no prose (a table of values, a script): its lines are not broken. @default false */
  verbatim?: boolean;
  /** For verbs that answer with a verdict, e.g. `conformance`. @default 0 */
  exitCode?: 0 | 1;
}

/** State of one run of the command line, set up by `main` before any handler starts. */
export interface Session {
  signal: AbortSignal;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  exitCode: number;
  /** Words of the stages of a selection before its last one. */
  before: readonly (readonly string[])[];
}

type Handler<Args extends unknown[]> = (context: CommandContext, ...args: Args) => Promise<Outcome>;

/**
 * Wraps a handler as a commander action: shared options in, one document or one text out. `args` are the positional
 * arguments and, last, the verb's own options.
 */
export function action<Args extends unknown[]>(
  session: Session,
  handler: Handler<Args>,
): (...raw: unknown[]) => Promise<void> {
  return async (...raw) => {
    const command = raw.at(-1) as Command;
    const shared = command.optsWithGlobals<{
      project?: string;
      dataset?: string;
      json?: true;
      quiet?: true;
      dryRun?: true;
    }>();
    const quiet = shared.quiet === true;
    const progress = createProgress({ stream: session.stderr, quiet });
    const place = { project: shared.project, dataset: shared.dataset };
    const note = (text: string): void => {
      if (!quiet) progress.note(completeCommands(text, place));
    };
    const { resolve } = await import('node:path');
    const context: CommandContext = {
      project: resolve(shared.project ?? '.'),
      place,
      json: shared.json === true,
      quiet,
      dryRun: shared.dryRun === true,
      signal: session.signal,
      progress,
      note,
    };
    try {
      const outcome = await handler(context, ...(raw.slice(0, -1) as Args));
      progress.stop();
      if (context.json && outcome.document === undefined) return;
      if (context.json) await print(session.stdout, safeJson(JSON.stringify(outcome.document, null, 2)));
      else await print(session.stdout, await textOf(outcome, session.stdout, context.place));
      session.exitCode = outcome.exitCode ?? 0;
    } finally {
      progress.stop();
    }
  };
}

async function textOf(outcome: Outcome, stream: NodeJS.WriteStream, place: Place): Promise<string> {
  const text = completeCommands(typeof outcome.text === 'function' ? outcome.text() : outcome.text, place);
  return outcome.verbatim === true ? text : wrapText(text, widthOf(stream));
}

/**
 * Writes a line and waits until it is out: leaving earlier would cut what a slow pipe has not taken yet. What could
 * steer a terminal is spelled out.
 */
export function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (text === '') return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(terminalText(text.endsWith('\n') ? text : `${text}\n`), (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

/** `--dry-run`, for the verbs where running costs something. */
export function withDryRun(command: Command): Command {
  return command.option('--dry-run', 'show what would be done and what it costs, and do nothing');
}

/** Writes data as it is; on a terminal, what could steer it is spelled out. */
export function printData(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(stream.isTTY ? terminalText(text) : text, (error) => (error ? reject(error) : resolve()));
  });
}
