import type { Command, CommanderError } from 'commander';
import { WinnowError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { pathOf, unknownCommand } from './help/request.ts';

/** commander's refusals of a command line, each with what it quotes; said again in our own style. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  'commander.unknownCommand': /unknown command '(.*?)'/,
  'commander.unknownOption': /unknown option '(.*?)'/,
  'commander.missingArgument': /missing required argument '(.*?)'/,
  'commander.optionMissingArgument': /option '(.*?)' argument missing/,
  'commander.missingMandatoryOptionValue': /required option '(.*?)' not specified/,
  'commander.conflictingOption': /option '(.*?)' cannot be used with option '(.*?)'/,
  'commander.excessArguments': /Expected (\d+ arguments?) but got (\d+)/,
  'commander.invalidArgument': /'([^']*)' argument '(.*)' is invalid\. Allowed choices are (.*?)\.$/,
};

/** What is wrong with a command line: what it got, and what the command takes. */
export function usageError(error: CommanderError, command: Command): WinnowError {
  const text = error.message.replace(/^error: /, '').split('\n')[0] ?? '';
  const [, first = '', second = '', third = ''] = REFUSALS[error.code]?.exec(text) ?? [];
  const path = pathOf(command);
  const see = `See: ${path} --help`;
  switch (first === '' ? '' : error.code) {
    case 'commander.unknownCommand':
      return unknownCommand(command, first);
    case 'commander.unknownOption':
      return misuse(`${path} has no option "${first}".`, `${didYouMean(first, longFlags(command))}${see}`);
    case 'commander.missingArgument':
      return misuse(`${path} needs the argument <${first}>.`, see);
    case 'commander.optionMissingArgument':
      return misuse(`The option ${first} needs a value.`, see);
    case 'commander.missingMandatoryOptionValue':
      return misuse(`${path} needs the option ${first}.`, see);
    case 'commander.conflictingOption':
      return misuse(`${first} and ${second} can't be given together.`, `Leave one of them out. ${see}`);
    case 'commander.excessArguments':
      return misuse(`${path} takes ${first}, got ${second}.`, `Quote an argument that holds spaces. ${see}`);
    case 'commander.invalidArgument': {
      const choices = third.split(', ');
      // Of a list, the item that is no choice.
      const wrong = choices.includes(second)
        ? second
        : (second.split(',').find((one) => !choices.includes(one)) ?? second);
      return misuse(`${first} takes ${third}; got "${wrong}".`, `${didYouMean(wrong, choices)}${see}`);
    }
    default:
      return misuse(error.code === 'commander.help' ? `${path} needs a command after it.` : sentence(text), see);
  }
}

/** The command that a line names, as far as it names one. */
export function commandTyped(program: Command, words: readonly string[]): Command {
  let at = program;
  for (const word of words) at = at.commands.find((command) => command.name() === word) ?? at;
  return at;
}

function longFlags(command: Command): string[] {
  const own = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]));
  return [...own, '--help', ...(command.parent === null ? [] : longFlags(command.parent))];
}

function misuse(message: string, hint: string): WinnowError {
  return new WinnowError({ code: 'USAGE', message, hint, exitCode: 2 });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;
}
