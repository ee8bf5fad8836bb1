import { fitHeadline } from '../signals/fit/judge.ts';
import { CLASS_READING, count, percent, signed } from './format.ts';
import type { Summary } from './summary.ts';

/** Whether S may be read as something about the samples: the model that measured it fits them. */
export function isReadable({ fit }: Pick<Summary, 'fit'>): boolean {
  return fit?.verdict === 'fits';
}

/** What is said of the model before any of its numbers; nothing where S has not been measured. */
export function fitSentences({ fit, classes }: Pick<Summary, 'fit' | 'classes'>): string[] {
  if (classes === null) return [];
  if (fit === null) return ['It is not known whether the model that measured these numbers fits this data.'];
  return [fitHeadline(fit), fit.reason, ...(fit.wayOut === null ? [] : [fit.wayOut])];
}

/** The most important sentence of the report, in plain words. Where the model does not fit the data, it is that. */
export function headline(summary: Summary): string {
  const { classes, total } = summary;
  const main = summary.selections[0];
  if (classes === null) {
    if (main === undefined)
      return `${count(total)} samples were looked at; none has been scored for visual necessity yet.`;
    return `${count(main.kept)} of ${count(total)} samples were kept by ${main.title}.`;
  }
  if (!isReadable(summary)) return fitSentences(summary)[0]!;
  const parts = summary.shownClasses.map((name) => `${count(classes[name])} ${CLASS_READING[name]}`);
  const unscored = total - summary.scored;
  if (unscored > 0) parts.push(`${count(unscored)} could not be scored`);
  return `Of ${count(total)} samples, ${parts.join('; ')}.`;
}

/** What the main selection did, in one or two sentences; empty when there is none. */
export function selectionSentence(summary: Summary): string {
  const main = summary.selections[0];
  if (main === undefined) return '';
  const asked =
    main.budget?.endsWith('%') === true
      ? `${main.budget} of the pool, ${count(main.requested)} samples`
      : `${count(main.requested)} ${main.requested === 1 ? 'sample' : 'samples'}`;
  const got =
    main.shortfall === null
      ? `and returned ${main.kept === main.requested ? 'all of them' : count(main.kept)}`
      : `and returned ${count(main.kept)}: ${count(main.shortfall.missing)} are missing because ${main.shortfall.because}`;
  const random = summary.random[0];
  const against =
    main.meanNecessity !== null && random?.meanNecessity !== undefined
      ? ` Mean necessity is ${signed(main.meanNecessity)} nats/token, where random subsets have ` +
        `${signed(random.meanNecessity.mean)} (${signed(random.meanNecessity.lo)} to ${signed(random.meanNecessity.hi)}).`
      : '';
  return `${main.title} was asked for ${asked}, ${got}.${against}`;
}

/**
 * Faults that fill a cluster of their own and that a selection keeps nonetheless: at least half of what random keeps.
 */
export function ownClusterFindings(summary: Summary): string[] {
  return summary.faults.flatMap((fault) => {
    if (fault.ownCluster === null) return [];
    return summary.selections.flatMap((selection, s) => {
      const kept = fault.kept[s]!;
      const expected = fault.random?.mean ?? (fault.total * selection.kept) / Math.max(1, summary.total);
      if (kept === 0 || kept < expected / 2 || selection.method !== 'visnec') return [];
      return [
        `${selection.title} keeps ${count(kept)} of ${count(fault.total)} samples of “${fault.title}” ` +
          `(${percent(kept / Math.max(1, fault.total), 0)}; random keeps ${expected.toFixed(0)}). They fill cluster ${fault.ownCluster} by themselves, ` +
          `and a quota for every cluster must be filled from whatever is in it.`,
      ];
    });
  });
}
