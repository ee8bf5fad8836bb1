import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { print, type Session } from './command.ts';
import { VERBS } from './commands/registry.ts';
import { describeError, errorDocument, formatError, INTERRUPTED, SEE_HELP } from './print-error.ts';
import { type Captured, createProgram, isHelp, type Verb } from './program.ts';
import { splitStages } from './stages.ts';

/** After the first Ctrl-C, work has this long to end by itself. */
const GRACE_MS = 3_000;

/**
 * Runs one command line and returns its exit code: 0 done, 1 fault, 2 misuse, 130 interrupted.
 *
 * @param argv arguments without `node` and the script
 */
export async function main(argv: readonly string[], verbs: readonly Verb[] = VERBS): Promise<number> {
  const { signal, unhook } = listen(argv);
  const line = splitStages(argv);
  const session: Session = { signal, stdout: process.stdout, stderr: process.stderr, exitCode: 0, before: line.before };
  const captured: Captured = { stdout: '', stderr: '' };
  let program: Command | undefined;
  try {
    program = await createProgram(verbs, line.argv, session, packageVersion(), captured);
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...line.argv], { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (isHelp(error)) {
      const asked = error instanceof CommanderError && error.code === 'commander.version' ? 'version' : 'help';
      const text = captured.stdout.trimEnd();
      await print(session.stdout, wantsJson(argv) ? JSON.stringify({ [asked]: text }, null, 2) : text);
      return 0;
    }
    const command = program === undefined ? 'winnow' : typed(program, line.argv);
    return await fail(session, argv, command, signal.aborted ? signal.reason : error, captured.stderr);
  } finally {
    unhook();
  }
}

async function fail(
  session: Session,
  argv: readonly string[],
  command: string,
  error: unknown,
  usage: string,
): Promise<number> {
  const described = describeError(error);
  if (error instanceof CommanderError && error.code === 'commander.help') {
    described.message = 'A command is missing after this one';
  }
  if (described.hint === SEE_HELP) described.hint = `See: ${command} --help`;
  if (wantsJson(argv)) await print(session.stdout, JSON.stringify(errorDocument(described), null, 2));
  else await print(session.stderr, usage === '' ? formatError(described) : usage);
  if (process.env.WINNOW_DEBUG === '1' && error instanceof Error) await print(session.stderr, `${error.stack}`);
  return described.exitCode;
}

/** The command that a line names, as far as it names one: `winnow select visnec` of `-q select visnec --nonsense`. */
function typed(program: Command, argv: readonly string[]): string {
  const named = (at: Command, words: readonly string[]): string[] => {
    const [next, ...rest] = words;
    if (next === undefined) return [at.name()];
    const command = at.commands.find((one) => one.name() === next);
    return command === undefined ? named(at, rest) : [at.name(), ...named(command, rest)];
  };
  return named(program, argv).join(' ');
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
    if (wantsJson(argv)) process.stdout.write(`${JSON.stringify(errorDocument(described), null, 2)}\n`);
    else process.stderr.write(`${formatError(described)}\n`);
    if (process.env.WINNOW_DEBUG === '1' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
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
