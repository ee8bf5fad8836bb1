import type { Case, Fixture } from './fixture.ts';

/** What came of one fixture: what differs, or why it was left out, or neither. */
export interface Verdict {
  difference?: string;
  skip?: string;
}

/** A check of cases with inputs and outputs, found by folder and by the keys of both. */
export interface CaseCheck {
  folder: string;
  /** Keys that must be there, and keys that may: by name, or by a pattern. Any other key means another shape. */
  inputs: { required: string[]; optional?: string[] | RegExp };
  /** At least one of them must be there, and nothing else: keys, or for keys that carry values a pattern. */
  outputs: { anyOf: string[] | RegExp };
  /** Runs the project's code on the inputs; the first difference in words, or nothing. */
  run(fixture: Case): Promise<string | undefined>;
}

/** A check of a whole folder, whose files are known by their names; `undefined` for a file that it doesn't know. */
export interface FolderCheck {
  folder: string;
  runAll(path: string, fixtures: Fixture[]): Promise<Map<string, Verdict>>;
}

/** Whether a case has the shape that a check is for. */
export function fits(check: CaseCheck, { inputs, outputs }: Case): boolean {
  const { required, optional = [] } = check.inputs;
  const { anyOf } = check.outputs;
  const given = Object.keys(inputs);
  const wanted = Object.keys(outputs);
  return (
    required.every((key) => given.includes(key)) &&
    given.every((key) => required.includes(key) || isOneOf(optional, key)) &&
    wanted.length > 0 &&
    wanted.every((key) => isOneOf(anyOf, key))
  );
}

const isOneOf = (known: string[] | RegExp, key: string): boolean =>
  known instanceof RegExp ? known.test(key) : known.includes(key);
