import { Command, CommanderError } from 'commander';
import type { Session } from './command.ts';

/** Declares one verb with its options: what `commands/<verb>.ts` exports. The work is imported when the verb runs. */
export type Register = (program: Command, session: Session) => void;

/** One line of the verbs' registry. */
export interface Verb {
  name: string;
  /** What `winnow --help` says of it. */
  summary: string;
  load: () => Promise<Register>;
}

/** What commander wanted to write: kept, so that `main` alone prints and waits until it is out. */
export interface Captured {
  stdout: string;
  stderr: string;
}

/**
 * The command line for `argv`. A verb that `argv` does not name stands there with its summary alone, unloaded: enough
 * for the list of verbs and for suggestions. The program throws `CommanderError` instead of leaving the process.
 */
export async function createProgram(
  verbs: readonly Verb[],
  argv: readonly string[],
  session: Session,
  version: string,
  captured: Captured,
): Promise<Command> {
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
  for (const verb of verbs) {
    if (argv.includes(verb.name)) (await verb.load())(program, session);
    else program.command(verb.name);
    program.commands.find((command) => command.name() === verb.name)?.summary(verb.summary);
  }
  return program;
}

/** Help and version leave commander as errors too; these are no faults. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
