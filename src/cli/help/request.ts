import type { Command } from 'commander';
import { WinnowError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';

/** Options before the verb that take a value. */
const WITH_VALUE = ['-C', '--project'];

/** Words of a command line before `--` that are no options of the program: the verb first. */
export function wordsOf(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const before = end === -1 ? argv : argv.slice(0, end);
  return before.filter((word, i) => !word.startsWith('-') && !WITH_VALUE.includes(before[i - 1] ?? ''));
}

/**
 * The words of the command whose help a line asks for: `['select', 'visnec']` for `help select visnec` and for
 * `select visnec --help`, [] for `--help` alone. Undefined where it asks for none.
 */
export function helpRequest(argv: readonly string[]): readonly string[] | undefined {
  const words = wordsOf(argv);
  if (words[0] === 'help') return words.slice(1);
  const end = argv.indexOf('--');
  const options = end === -1 ? argv : argv.slice(0, end);
  return options.length === 0 || options.includes('--help') || options.includes('-h') ? words : undefined;
}

/**
 * The command that words name; a leaf takes the rest as its arguments.
 *
 * @throws WinnowError `USAGE` for a word that names none
 */
export function commandNamed(program: Command, words: readonly string[]): Command {
  let at = program;
  for (const word of words) {
    if (at.commands.length === 0) break;
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) throw unknownCommand(at, word);
    at = next;
  }
  return at;
}

export function unknownCommand(parent: Command, word: string): WinnowError {
  const names = parent.commands.map((command) => command.name()).filter((name) => !name.startsWith('_'));
  const path = pathOf(parent);
  return new WinnowError({
    code: 'USAGE',
    message: `There is no command "${path.slice('winnow '.length)}${path === 'winnow' ? '' : ' '}${word}".`,
    hint: `${didYouMean(word, names)}See: ${path} --help`,
    exitCode: 2,
  });
}

/** `winnow select visnec`. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
