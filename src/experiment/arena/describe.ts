import type { CostRequest } from '../../select/request.ts';
import type { Choice } from './choose.ts';
import type { Entry, EntryStage } from './entry.ts';
import type { ArenaStage } from './result.ts';

/** What each method of an entry is, and what it did. */
export function stagesOf({ stages }: Entry, choice: Choice): ArenaStage[] {
  return stages.map(({ selector, options }, s) => {
    const { name, title, source, summary, formula, breaks } = selector;
    const { arrived, asked, kept } = choice.stages[s]!;
    const about = { method: name, title, source, summary, formula, options, arrived, asked, kept };
    return { ...about, ...(breaks === undefined ? {} : { breaks }) };
  });
}

/** What every entry was asked for. */
export interface Asked {
  budget: string;
  seed: number;
  cost: CostRequest;
  dataset?: string | undefined;
  reference?: string | undefined;
  blind?: string | undefined;
}

/** The command that chooses what an entry chose. */
export function commandOf({ stages, rules }: Entry, { budget, seed, cost, dataset, reference, blind }: Asked): string {
  const words = stages.map((stage, s) => {
    const isLast = s === stages.length - 1;
    const { selector, given, pass } = stage;
    return [
      selector.name,
      flag('budget', isLast ? budget : stage.budget),
      flag('pass', pass),
      ...Object.entries(given).map(([name, value]) => flag(name, optionText(value))),
      selector.referenceNeeds === undefined ? '' : flag('reference', reference),
    ].join('');
  });
  const ruled = Object.entries(rules).flatMap(([rule, all]) => all.map((one) => flag(rule, one)));
  const priced = Object.entries(cost).map(([name, value]) => flag(name, String(value)));
  const common = [flag('dataset', dataset), flag('blind', blind), flag('seed', String(seed))];
  return `winnow select ${words.join(' then ')}${[...ruled, ...priced, ...common].join('')}`;
}

function optionText(value: EntryStage['given'][string]): string | undefined {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.join(',');
  return Object.entries(value)
    .map(([name, weight]) => `${name}=${weight}`)
    .join(',');
}

/** ` --text-only exclude`; empty where there is nothing to say. */
function flag(name: string, value: string | undefined): string {
  if (value === undefined || value === 'false') return '';
  const option = ` --${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (value === 'true') return option;
  return `${option} ${/^[\w%.,:=+@/-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`}`;
}
