import { optionFlags, shellWord } from '../base/cli-flags.ts';

/** What a command line says of where it works. */
export interface Place {
  /** `--project` as it was given. */
  project?: string | undefined;
  /** `--dataset` as it was given, or the data set that the command made. */
  dataset?: string | undefined;
}

/** Verbs that work in a project; of those with things, the things that take `--dataset` stand after the verb. */
const VERBS = 'arena|doctor|explain|export|filter|gc|import|init|report|score|select|show|signals|sql|status|train';
const COMMAND = new RegExp(
  `\\bwinnow ((?:score|select) [a-z0-9-]+|signals (?:list|import|export)|(?:${VERBS})\\b)`,
  'g',
);
/** Commands that take `--dataset`. */
const TAKES_DATASET = /^((score|select) .|signals .|(arena|doctor|filter|show|sql|train)$)/;

/**
 * Completes the commands that a text advises, so that they mean the project and the data set of the command that gives
 * the advice. Commands that name a data set themselves keep it.
 */
export function completeCommands(text: string, { project, dataset }: Place): string {
  if (project === undefined && dataset === undefined) return text;
  return text.replace(COMMAND, (whole: string, command: string, at: number) => {
    const rest = text.slice(at + whole.length).split(/\bwinnow |[\n;]/, 1)[0]!;
    const isWhole = !TAKES_DATASET.test(command) || /\s(-d|--dataset|--help|then)\b/.test(rest);
    const head = `winnow${project === undefined ? '' : ` -C ${shellWord(project)}`} ${command}`;
    return isWhole ? head : `${head}${optionFlags({ dataset })}`;
  });
}

/** Read by hand, for errors too: the command line may be too broken to parse. */
export function placeOf(argv: readonly string[]): Place {
  const value = (names: readonly string[]): string | undefined => {
    for (const [i, word] of argv.entries()) {
      if (word === '--') return undefined;
      if (names.includes(word)) return argv[i + 1];
      const long = names.find((name) => name.startsWith('--') && word.startsWith(`${name}=`));
      if (long !== undefined) return word.slice(long.length + 1);
    }
    return undefined;
  };
  return { project: value(['-C', '--project']), dataset: value(['-d', '--dataset']) };
}
