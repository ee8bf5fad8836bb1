import { WinnowError } from '../../base/errors.ts';
import { optionError } from '../../base/option-error.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { SelectContext, Selection, Selector, SelectorInput } from '../selector.ts';
import { methods } from './registry.ts';

/** All selectors. */
export const selectors: readonly Selector[] = methods.map(withDeviations);

/** A selection by an official variant says in its notes what that does otherwise. */
function withDeviations(selector: Selector): Selector {
  const { deviations = [] } = selector;
  if (deviations.length === 0) return selector;
  return {
    ...selector,
    async select(input, options, context) {
      const selection = await selector.select(input, options, context);
      if (options.variant !== 'official') return selection;
      return {
        ...selection,
        notes: [...selection.notes, `As published, this variant differs. ${deviations.join('. ')}.`],
      };
    },
  };
}

/** The selector of a name. @throws WinnowError `METHOD_UNKNOWN` */
export function findSelector(name: string): Selector {
  const found = selectors.find((selector) => selector.name === name);
  if (found !== undefined) return found;
  throw new WinnowError({
    code: 'METHOD_UNKNOWN',
    message: `There is no selection method "${name}".`,
    hint: `${didYouMean(
      name,
      selectors.map((selector) => selector.name),
    )}Use one of: ${selectors.map((selector) => selector.name).join(', ')}.`,
    exitCode: 2,
  });
}

/** Checks options given by a person and fills in the defaults. @throws WinnowError `OPTION_INVALID` */
export function parseOptions(selector: Selector, given: Record<string, unknown>): Record<string, unknown> {
  const parsed = selector.options.safeParse(given);
  if (parsed.success) return parsed.data;
  throw optionError(selector.name, parsed.error, given, `winnow select ${selector.name} --help`);
}

/** Runs a selector by name on columns in memory. */
export async function selectBy(
  name: string,
  input: SelectorInput,
  given: Record<string, unknown>,
  context: SelectContext,
): Promise<Selection> {
  const selector = findSelector(name);
  return selector.select(input, parseOptions(selector, given), context);
}
