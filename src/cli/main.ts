import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { safeJson, terminalText } from '../base/terminal-text.ts';
import { print, type Session } from './command.ts';
import { VERBS } from './commands/registry.ts';
import { completeCommands, placeOf } from './complete-commands.ts';
import { readHelpIndex } from './help/help-index.ts';
import { commandNamed, helpRequest, wordsOf } from './help/request.ts';
import { describeError, errorDocument, formatError, INTERRUPTED } from './print-error.ts';
import { createHelpProgram, createProgram, isHelp, type ProgramOptions, type Verb } from './program.ts';
import { splitStages } from './stages.ts';
import { hasColour, widthOf } from './terminal.ts';
import { commandTyped, usageError } from './usage-error.ts';
import { wrapText } from './wrap.ts';

/** After the first Ctrl-C, work has this long to end by itself. */
const GRACE_MS = 3_000;
/** The word that scripts of shell completion begin with; not listed. */
const COMPLETE = '__complete';

/**
 * Runs one command line and returns its exit code: 0 done, 1 fault, 2 misuse, 130 interrupted.
 *
 * @param argv arguments without `node` and the script
 */
export async function main(argv: readonly string[], verbs: readonly Verb[] = VERBS): Promise<number> {
  const { signal, unhook } = listen(argv);
  const line = splitStages(argv);
  const session: Session = { signal, stdout: process.stdout, stderr: process.stderr, exitCode: 0, before: line.before };
  const captured = { stdout: '', stderr: '' };
  const options: ProgramOptions = { verbs, session, version: packageVersion(), captured };
  const words = wordsOf(line.argv);
  let program: Command | undefined;
  try {
    if (argv[0] === COMPLETE) {
      const { completionLines } = await import('./completion/complete.ts');
      await print(session.stdout, (await completionLines(argv.slice(1), verbs)).join('\n'));
      return 0;
    }
    const help = helpRequest(line.argv);
    if (help !== undefined) {
      // Descriptions that the build wrote are those of our own verbs.
      const index = verbs === VERBS ? readHelpIndex() : undefined;
      program =
        index === undefined ? await createProgram(options, help[0]) : createHelpProgram(options, index.commands);
      await printAnswer(session, argv, 'help', commandNamed(program, help).helpInformation());
      return 0;
    }
    program = await createProgram(options, words[0]);
    await program.parseAsync([...line.argv], { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (isHelp(error)) {
      await printAnswer(session, argv, 'version', captured.stdout);
      return 0;
    }
    if (signal.aborted) return await fail(session, argv, signal.reason);
    if (!(error instanceof CommanderError) || program === undefined) return await fail(session, argv, error);
    return await fail(session, argv, usageError(error, commandTyped(program, words)), captured.stderr);
  } finally {
    unhook();
  }
}

async function printAnswer(session: Session, argv: readonly string[], name: string, text: string): Promise<void> {
  const shown = text.trimEnd();
  await print(session.stdout, wantsJson(argv) ? safeJson(JSON.stringify({ [name]: shown }, null, 2)) : shown);
}

/** @param usage help that commander printed where a command is missing: shown to people in place of the error */
async function fail(session: Session, argv: readonly string[], error: unknown, usage = ''): Promise<number> {
  const described = describeError(error);
  if (described.hint !== undefined) described.hint = completeCommands(described.hint, placeOf(argv));
  if (wantsJson(argv)) await print(session.stdout, safeJson(JSON.stringify(errorDocument(described), null, 2)));
  else {
    const colour = hasColour(session.stderr);
    const text = usage === '' ? await wrapText(formatError(described, colour), widthOf(session.stderr)) : usage;
    await print(session.stderr, text);
  }
  if (process.env.WINNOW_DEBUG === '1' && error instanceof Error) await print(session.stderr, `${error.stack}`);
  return described.exitCode;
}

/** Looked for by hand: the command line may be too broken to parse. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/** Signals, broken pipes and faults outside of any handler. */
function listen(argv: readonly string[]): { signal: AbortSignal; unhook: () => void } {
  const controller = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const leave = (code: number): void => {
    if (controller.signal.aborted) process.exit(code);
    const reason = new Error('Interrupted');
    reason.name = 'AbortError';
    controller.abort(reason);
    // A step that can't be told to stop must not keep the terminal; the timer also holds the process until it has
    // ended, because a step that waits for a stopped worker leaves nothing else to wait for.
    grace = setTimeout(() => process.exit(code), GRACE_MS);
  };
  const onInterrupt = (): void => leave(INTERRUPTED);
  const onTerminate = (): void => leave(143);
  const onFault = (error: unknown): void => {
    const described = describeError(error);
    if (wantsJson(argv)) process.stdout.write(`${safeJson(JSON.stringify(errorDocument(described), null, 2))}\n`);
    else process.stderr.write(terminalText(`${formatError(described)}\n`));
    if (process.env.WINNOW_DEBUG === '1' && error instanceof Error)
      process.stderr.write(terminalText(`${error.stack}\n`));
    process.exit(described.exitCode);
  };
  const onStdout = (error: NodeJS.ErrnoException): void => {
    // `winnow ... | head`: whoever read has seen enough.
    if (error.code === 'EPIPE') process.exit(0);
    onFault(error);
  };
  const ignore = (): void => {};
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  process.stdout.on('error', onStdout);
  process.stderr.on('error', ignore);
  return {
    signal: controller.signal,
    unhook: () => {
      clearTimeout(grace);
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      process.off('uncaughtException', onFault);
      process.off('unhandledRejection', onFault);
      process.stdout.off('error', onStdout);
      process.stderr.off('error', ignore);
    },
  };
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
