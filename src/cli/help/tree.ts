import { Argument, type Command, Option } from 'commander';

/** A command as its help shows it, without what it does: enough for help, suggestions and completion. */
export interface HelpCommand {
  name: string;
  hidden: boolean;
  group: string;
  summary: string;
  description: string;
  arguments: readonly HelpArgument[];
  options: readonly HelpOption[];
  commands: readonly HelpCommand[];
}

interface HelpArgument {
  /** `<file>`, `[names...]`. */
  term: string;
  description: string;
  choices?: readonly string[];
}

export interface HelpOption {
  /** `-f, --format <format>`. */
  flags: string;
  description: string;
  choices?: readonly string[];
  default?: unknown;
}

/** Names of the things that an argument or an option may take, by its placeholder: `format` for `<format>`. */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

/** What the build writes to `help.json`, so that help and completion load no verb. */
export interface HelpIndex {
  commands: readonly HelpCommand[];
  values: KnownValues;
}

export function describeCommand(command: Command): HelpCommand {
  return {
    name: command.name(),
    hidden: (command as Command & { _hidden?: boolean })._hidden === true,
    group: command.helpGroup(),
    summary: command.summary(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      term: bracketed(argument),
      description: argument.description,
      choices: argument.argChoices,
    })),
    options: command.options
      .filter((option) => !option.hidden)
      .map((option) => ({
        flags: option.flags,
        description: option.description,
        choices: option.argChoices,
        // `--no-x` is on by itself, which its help doesn't say.
        default: option.negate ? undefined : option.defaultValue,
      })),
    commands: command.commands.map(describeCommand),
  };
}

/** Declares a described command in a program, for its help alone. */
export function restoreCommand(parent: Command, described: HelpCommand): Command {
  const command = parent.command(described.name, { hidden: described.hidden });
  command.summary(described.summary).description(described.description).helpCommand(false);
  if (described.group !== '') command.helpGroup(described.group);
  for (const { term, description, choices } of described.arguments) {
    const argument = new Argument(term, description);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const { flags, description, choices, default: value } of described.options) {
    const option = new Option(flags, description);
    if (choices !== undefined) option.choices(choices);
    command.addOption(value === undefined ? option : option.default(value));
  }
  for (const child of described.commands) restoreCommand(command, child);
  return command;
}

function bracketed(argument: Argument): string {
  const word = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${word}>` : `[${word}]`;
}
