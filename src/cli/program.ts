import { Command, CommanderError, Help } from 'commander';
import type { Session } from './command.ts';
import { type HelpCommand, restoreCommand } from './help/tree.ts';
import { hasColour, helpWidthOf, paint } from './terminal.ts';

/** Declares one verb with its options: what `commands/<verb>.ts` exports. The work is imported when the verb runs. */
export type Register = (program: Command, session: Session) => void;

/** What a verb's file says of it to the list of verbs, which loads no file: literals. */
export interface VerbFacts {
  /** Its place in the list. */
  order: number;
  /** The heading that `winnow --help` lists it under. */
  group: string;
  /** What `winnow --help` says of it: an imperative. */
  summary: string;
}

/** One line of the verbs' registry. */
export interface Verb extends Omit<VerbFacts, 'order'> {
  name: string;
  load: () => Promise<Register>;
}

/** What commander wanted to write: kept, so that `main` alone prints and waits until it is out. */
export interface Captured {
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  verbs: readonly Verb[];
  session: Session;
  version: string;
  captured: Captured;
}

/** The program with its shared options and no verb. It throws `CommanderError` instead of leaving the process. */
function emptyProgram({ session, version, captured }: ProgramOptions): Command {
  const colour = hasColour(session.stdout);
  return new Command('winnow')
    .description('Decide what to train a vision-language model on.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .option('-C, --project <dir>', 'project folder (default: the current folder)')
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('-q, --quiet', 'no progress or remarks on stderr')
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 20,
      formatItem,
      styleTitle: (text) => paint(colour, 'bold', text),
      styleCommandText: (text) => paint(colour, 'cyan', text),
      styleSubcommandText: (text) => paint(colour, 'cyan', text),
      styleOptionText: (text) => paint(colour, 'cyan', text),
    })
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        captured.stdout += text;
      },
      writeErr: (text) => {
        captured.stderr += text;
      },
      outputError: () => {},
      getOutHelpWidth: () => helpWidthOf(session.stdout),
      getErrHelpWidth: () => helpWidthOf(session.stderr),
      getOutHasColors: () => colour,
      getErrHasColors: () => hasColour(session.stderr),
    });
}

/** Room that a description needs beside its term; where there is less, it stands below. */
const LEAST_DESCRIPTION = 32;

function formatItem(this: Help, term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80;
  if (description === '' || width - termWidth - 4 >= LEAST_DESCRIPTION) {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  const below = helper.boxWrap(description, width - 6).replaceAll('\n', '\n      ');
  return `  ${term}\n      ${below}`;
}

/**
 * The command line that runs `verb`. All others stand there with their summary alone, unloaded: enough for the list of
 * verbs and for suggestions.
 */
export async function createProgram(options: ProgramOptions, verb: string | undefined): Promise<Command> {
  const program = emptyProgram(options);
  for (const { name, group, summary, load } of options.verbs) {
    if (name === verb) (await load())(program, options.session);
    else program.command(name);
    program.commands
      .find((command) => command.name() === name)
      ?.summary(summary)
      .helpGroup(group)
      .helpCommand(false);
  }
  return program;
}

/** The command line for its help, from the descriptions that the build wrote. */
export function createHelpProgram(options: ProgramOptions, commands: readonly HelpCommand[]): Command {
  const program = emptyProgram(options);
  for (const command of commands) restoreCommand(program, command);
  return program;
}

/** Version and help leave commander as errors too; these are no faults. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
