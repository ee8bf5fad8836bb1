import type { z } from 'zod';
import { optionName } from './cli-flags.ts';
import { WinnowError } from './errors.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/**
 * What is wrong with the first option that a schema refuses, as the command line names it: which option, what it takes,
 * what it got.
 *
 * @param of the method, signal or recipe that has the options
 * @param help the command that lists them
 */
export function optionError(
  of: string,
  error: z.ZodError,
  given: Readonly<Record<string, unknown>>,
  help: string,
): WinnowError {
  const [issue] = error.issues;
  return new WinnowError({
    code: 'OPTION_INVALID',
    message: `${of}: ${issue === undefined ? 'invalid options' : describe(issue, given)}`,
    hint: `${issue === undefined ? '' : suggestion(issue, given)}See: ${help}`,
    exitCode: 2,
  });
}

/** A choice that a misspelt value may have meant. */
function suggestion(issue: Issue, given: Readonly<Record<string, unknown>>): string {
  const value = given[String(issue.path[0])];
  return issue.code === 'invalid_value' ? didYouMean(String(value), issue.values.map(String)) : '';
}

function describe(issue: Issue, given: Readonly<Record<string, unknown>>): string {
  if (issue.code === 'unrecognized_keys') return `there is no option ${issue.keys.map(flag).join(', ')}`;
  const [name] = issue.path;
  if (name === undefined) return issue.message;
  const value = given[String(name)];
  if (value === undefined) {
    if (!isStock(issue)) return `${flag(String(name))} is needed: ${issue.message}`;
    return `${flag(String(name))} is needed${issue.code === 'invalid_value' ? `: it ${wanted(issue)}` : ''}`;
  }
  return `${flag(String(name))} ${wanted(issue)}, got ${JSON.stringify(value)}`;
}

/** In the words of the schema library: a schema that says more has words of its own. */
function isStock({ message }: Issue): boolean {
  return /^(Invalid|Too |Unrecognized)/.test(message);
}

function wanted(issue: Issue): string {
  if (!isStock(issue)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `takes ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `takes ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'array') return `takes ${issue.minimum} or more`;
      if (issue.origin === 'string') return 'takes a text that is not empty';
      return `is ${issue.inclusive ? 'at least' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `is ${issue.inclusive ? 'at most' : 'below'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'yes or no',
  array: 'a list',
};

const flag = (name: string): string => `--${optionName(name)}`;
