import { resolve } from 'node:path';
import { buildHelpIndex } from '../help/build-index.ts';
import { readHelpIndex } from '../help/help-index.ts';
import type { HelpCommand, HelpIndex, HelpOption } from '../help/tree.ts';
import type { Verb } from '../program.ts';
import { projectNames } from './project-names.ts';

/** Options that every verb takes. */
const SHARED: readonly HelpOption[] = [
  { flags: '-C, --project <dir>', description: 'project folder' },
  { flags: '--json', description: 'print one JSON document' },
  { flags: '-q, --quiet', description: 'no progress or remarks' },
  { flags: '-h, --help', description: 'show help' },
];

interface Candidate {
  word: string;
  about: string;
}

/** Lines for the scripts of the shells: what may stand in the place of the last of `words`. */
export async function completionLines(words: readonly string[], verbs: readonly Verb[]): Promise<string[]> {
  const index = readHelpIndex() ?? (await buildHelpIndex(verbs));
  const typed = words.at(-1) ?? '';
  const found = await candidates(index, words.slice(0, -1), typed);
  return found
    .filter(({ word }) => word.startsWith(typed))
    .map(({ word, about }) => `${word}\t${about.split('\n')[0]}`);
}

async function candidates(index: HelpIndex, before: readonly string[], typed: string): Promise<Candidate[]> {
  const place = locate(index, before);
  const names = (kind: string): Promise<string[]> => namesOf(index, kind, place.project);
  if (place.open !== undefined) return valuesOf(place.open, typed, '', names);
  const inline = /^(--[\w-]+=)(.*)$/s.exec(typed);
  if (inline !== null) {
    const option = optionNamed(place.options, inline[1]!.slice(0, -1));
    return option === undefined ? [] : valuesOf(option, inline[2]!, inline[1]!, names);
  }
  if (typed.startsWith('-')) return place.options.flatMap(flagCandidates);
  if (place.command.commands.length > 0) return place.command.commands.filter(isListed).map(commandCandidate);
  const argument = place.command.arguments[place.positionals] ?? lastVariadic(place.command);
  const values = argument === undefined ? [] : await valuesOf({ ...argument, flags: argument.term }, typed, '', names);
  return place.staged ? [...values, { word: 'then', about: 'another method on what this one keeps' }] : values;
}

interface Place {
  command: Pick<HelpCommand, 'commands' | 'arguments'>;
  options: readonly HelpOption[];
  /** An option that waits for its value. */
  open: HelpOption | undefined;
  positionals: number;
  project: string;
  /** A method of `select`, which another may follow. */
  staged: boolean;
}

/** Where the words before the last lead: a command, how many of its arguments are there, an option that is open. */
function locate({ commands }: HelpIndex, before: readonly string[]): Place {
  const help = commandsOf('help', 'show help for a command', commands);
  const root = { commands: [...commands, help], arguments: [], options: [] as readonly HelpOption[] };
  let command: Place['command'] & { options: readonly HelpOption[]; name?: string } = root;
  let parent = root as typeof command;
  let open: HelpOption | undefined;
  let positionals = 0;
  let project = '.';
  for (const word of before) {
    if (open !== undefined) {
      if (open.flags.includes('--project')) project = word;
      open = undefined;
    } else if (word.startsWith('-')) {
      const option = optionNamed([...command.options, ...SHARED], word);
      if (option !== undefined && /[<[]/.test(option.flags) && !word.includes('=')) open = option;
      if (word.startsWith('--project=')) project = word.slice('--project='.length);
    } else if (word === 'then' && parent.name === 'select') {
      command = parent;
    } else {
      const next = command.commands.find(({ name }) => name === word);
      if (next === undefined) positionals += 1;
      else [parent, command, positionals] = [command, next, 0];
    }
  }
  const staged = parent.name === 'select' && command !== parent;
  return { command, options: [...command.options, ...SHARED], open, positionals, project: resolve(project), staged };
}

function commandsOf(name: string, summary: string, commands: readonly HelpCommand[]): HelpCommand {
  const bare = ({ options: _, arguments: __, ...one }: HelpCommand): HelpCommand => ({
    ...one,
    options: [],
    arguments: [],
    commands: one.commands.map(bare),
  });
  const made = { name, hidden: false, group: '', summary, description: summary, arguments: [], options: [] };
  return { ...made, commands: commands.map(bare) };
}

function optionNamed(options: readonly HelpOption[], word: string): HelpOption | undefined {
  const flag = word.split('=')[0]!;
  return options.find(({ flags }) => flags.split(/[ ,|]+/).includes(flag));
}

/** The long form of an option, once each. */
function flagCandidates({ flags, description }: HelpOption): Candidate[] {
  const long = /--[\w-]+/.exec(flags)?.[0];
  return long === undefined ? [] : [{ word: long, about: description }];
}

const isListed = ({ hidden }: HelpCommand): boolean => !hidden;

function commandCandidate({ name, summary, description }: HelpCommand): Candidate {
  return { word: name, about: summary || description };
}

function lastVariadic(command: Pick<HelpCommand, 'arguments'>) {
  const last = command.arguments.at(-1);
  return last?.term.includes('...') === true ? last : undefined;
}

/**
 * What an option or argument takes: its choices, else the names of the things that its placeholder stands for
 * (`<format>`, `<selections...>`). A list is completed behind its last comma.
 */
async function valuesOf(
  option: HelpOption,
  typed: string,
  prefix: string,
  names: (kind: string) => Promise<string[]>,
): Promise<Candidate[]> {
  const kind = /[<[]([\w-]+)/.exec(option.flags)?.[1] ?? '';
  const known = option.choices ?? (await names(kind.replace(/s$/, '')));
  const isList = kind.endsWith('s') || kind === 'list';
  const before = isList ? typed.slice(0, typed.lastIndexOf(',') + 1) : '';
  return known.map((word) => ({ word: `${prefix}${before}${word}`, about: kind }));
}

async function namesOf({ values }: HelpIndex, kind: string, project: string): Promise<string[]> {
  const there = await projectNames(project, kind);
  return [...there, ...(values[kind] ?? [])];
}
