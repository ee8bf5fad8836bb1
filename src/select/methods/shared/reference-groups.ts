import { groupBy, labelColumn } from '../../kit/columns.ts';
import type { SelectorInput } from '../../selector.ts';

/**
 * Tasks of a reference: the labels of a column, else its sources. Rows without a label are a task of their own.
 *
 * @returns index of each row's task, and their names
 */
export function referenceGroups(
  reference: SelectorInput,
  column?: string,
): { groups: Int32Array; count: number; names: string[] } {
  const { groups, labels } =
    column === undefined
      ? groupBy(Array.from({ length: reference.rows }, (_, row) => reference.source?.[row] ?? null))
      : labelColumn(reference, column);
  const names = labels.map(String);
  if (groups.some((group) => group < 0)) {
    names.push('no task');
    return { groups: groups.map((group) => (group < 0 ? labels.length : group)), count: names.length, names };
  }
  return { groups, count: names.length, names };
}
