import { optionFlags } from '../../base/cli-flags.ts';
import type { CostRequest } from '../../select/compose/request.ts';
import type { Choice } from './choose.ts';
import type { Contestant } from './contestant.ts';
import type { ArenaStage } from './result.ts';

/** What each method of a contestant is, and what it did. */
export function stagesOf({ stages }: Contestant, choice: Choice): ArenaStage[] {
  return stages.map(({ selector, options }, s) => {
    const { name, title, source, summary, formula, deviations } = selector;
    const { arrived, asked, kept } = choice.stages[s]!;
    const about = { method: name, title, source, summary, formula, options, arrived, asked, kept };
    return { ...about, deviations };
  });
}

/** What every contestant was asked for. */
export interface Asked {
  budget: string;
  seed: number;
  cost: CostRequest;
  dataset?: string | undefined;
  reference?: string | undefined;
  blind?: string | undefined;
}

/** The command that chooses what a contestant chose. */
export function commandOf(
  { stages, rules }: Contestant,
  { budget, seed, cost, dataset, reference, blind }: Asked,
): string {
  const words = stages.map((stage, s) => {
    const isLast = s === stages.length - 1;
    const { selector, given, pass } = stage;
    return [
      selector.name,
      optionFlags({ budget: isLast ? budget : stage.budget, pass }),
      optionFlags(given),
      selector.referenceNeeds === undefined ? '' : optionFlags({ reference }),
    ].join('');
  });
  const ruled = Object.entries(rules).flatMap(([rule, all]) => all.map((one) => optionFlags({ [rule]: one })));
  return `winnow select ${words.join(' then ')}${ruled.join('')}${optionFlags({ ...cost, dataset, blind, seed })}`;
}
