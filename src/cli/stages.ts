/**
 * A command line in stages: the words of the last one, as a command line of its own, and those of the stages before it.
 */
export interface StagedLine {
  argv: readonly string[];
  before: readonly (readonly string[])[];
}

/** The word between two methods of `winnow select`. */
const THEN = 'then';

/**
 * Splits `select semdedup --eps 0.1 then visnec --budget 15%` at the word `then`: the last stage stays the command,
 * with what is said of the whole selection; each stage before it has its method and its own options. A `then` that no
 * method follows is left for the parser to refuse.
 */
export function splitStages(argv: readonly string[]): StagedLine {
  const verb = argv.indexOf('select');
  const stages: string[][] = [[]];
  for (const [i, word] of argv.slice(verb + 1).entries()) {
    const next = argv[verb + 1 + i + 1];
    const isBetween =
      verb >= 0 && word === THEN && stages.at(-1)!.length > 0 && next !== undefined && !next.startsWith('-');
    if (isBetween) stages.push([]);
    else stages.at(-1)!.push(word);
  }
  return { argv: [...argv.slice(0, verb + 1), ...stages.at(-1)!], before: stages.slice(0, -1) };
}
