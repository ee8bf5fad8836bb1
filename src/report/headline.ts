import { count, percent, signed } from './format.ts';
import type { Summary } from './summary.ts';

/** The finding of the report in one sentence of plain words. */
export function finding(summary: Summary): string {
  const { classes, total } = summary;
  const main = summary.selections[0];
  if (classes === null) {
    if (main === undefined)
      return `${count(total)} samples were looked at; none has been scored for visual necessity yet.`;
    return `${count(main.kept)} of ${count(total)} samples were kept by ${main.title}.`;
  }
  const unscored = total - summary.scored;
  const rest = unscored > 0 ? `; ${count(unscored)} could not be scored` : '';
  return (
    `Of ${count(total)} samples, ${count(classes.critical)} teach the model to look; ` +
    `${count(classes.redundant)} can be answered blind; ${count(classes.misaligned)} contradict their image${rest}.`
  );
}

/** What the main selection did, in one or two sentences; empty when there is none. */
export function selectionSentence(summary: Summary): string {
  const main = summary.selections[0];
  if (main === undefined) return '';
  const asked =
    main.budget?.endsWith('%') === true
      ? `${main.budget} of the pool, ${count(main.requested)} samples`
      : `${count(main.requested)} samples`;
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
