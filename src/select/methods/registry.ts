import { WinnowError } from '../../base/errors.ts';
import { optionError } from '../../base/option-error.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { SelectContext, Selection, Selector, SelectorInput } from '../selector.ts';
import { adaptInf } from './adapt-inf/adapt-inf.ts';
import { aum } from './aum.ts';
import { clipScore } from './clip-score.ts';
import { coido } from './coido.ts';
import { coincide } from './coincide/coincide.ts';
import { cvs } from './cvs.ts';
import { d2 } from './d2/d2.ts';
import { datainf } from './datainf.ts';
import { datatailor } from './datatailor/datatailor.ts';
import { dics } from './dics.ts';
import { el2n } from './el2n.ts';
import { facilityLocation } from './facility-location/facility-location.ts';
import { farthestPoint } from './farthest-point.ts';
import { icons } from './icons.ts';
import { ifd } from './ifd.ts';
import { learnability } from './learnability.ts';
import { less } from './less.ts';
import { magic } from './magic.ts';
import { midPpl } from './mid-ppl.ts';
import { mmssr } from './mmssr.ts';
import { presel } from './presel/presel.ts';
import { prism } from './prism.ts';
import { random } from './random.ts';
import { rdsPlus } from './rds-plus.ts';
import { s2l } from './s2l.ts';
import { scalselect } from './scalselect/scalselect.ts';
import { selfFilter } from './self-filter.ts';
import { selfSup } from './self-sup.ts';
import { semdedup } from './semdedup/semdedup.ts';
import { tive } from './tive/tive.ts';
import { top } from './top.ts';
import { typiclust } from './typiclust/typiclust.ts';
import { visnec } from './visnec.ts';
import { weighted } from './weighted.ts';
import { xmas } from './xmas.ts';

/** A new selector is a file and a line here. */
const all: readonly Selector[] = [
  visnec as Selector,
  xmas as Selector,
  coincide as Selector,
  semdedup as Selector,
  d2 as Selector,
  selfSup as Selector,
  typiclust as Selector,
  facilityLocation as Selector,
  farthestPoint as Selector,
  random as Selector,
  top as Selector,
  weighted as Selector,
  el2n as Selector,
  aum as Selector,
  clipScore as Selector,
  midPpl as Selector,
  learnability as Selector,
  ifd as Selector,
  cvs as Selector,
  selfFilter as Selector,
  coido as Selector,
  magic as Selector,
  dics as Selector,
  prism as Selector,
  less as Selector,
  icons as Selector,
  rdsPlus as Selector,
  datainf as Selector,
  tive as Selector,
  s2l as Selector,
  presel as Selector,
  scalselect as Selector,
  datatailor as Selector,
  mmssr as Selector,
  adaptInf as Selector,
];

/** All selectors. */
export const selectors: readonly Selector[] = all.map(withDeviations);

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
