import { Command, CommanderError } from 'commander';
import type { Register, Session } from './command.ts';

/** Verbs in the order that `--help` lists them, one line each. */
const COMMANDS: readonly Register[] = [];

/** What commander wanted to write: kept, so that `main` alone prints and waits until it is out. */
export interface Captured {
  stdout: string;
  stderr: string;
}

/** The command line with every verb declared. It throws `CommanderError` instead of leaving the process. */
export function createProgram(session: Session, version: string, captured: Captured, commands = COMMANDS): Command {
  const program = new Command('winnow');
  program
    .description(
      'Decide what to train a vision-language model on: score every sample, select the best subset, see why.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .option('-C, --project <dir>', 'project folder (default: the folder you are in)')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .option('-q, --quiet', 'no progress and no remarks on stderr')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        captured.stdout += text;
      },
      writeErr: (text) => {
        captured.stderr += text;
      },
      outputError: () => {},
    });
  for (const register of commands) register(program, session);
  return program;
}

/** Help and version leave commander as errors too; these are no faults. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
